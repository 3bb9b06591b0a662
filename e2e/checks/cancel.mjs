// A client that goes away takes its upstream connection with it, soon.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { curlInBackground } from '../lib/curl.mjs';
import { RawClient } from '../lib/raw.mjs';
import { frame, upgradeRequest, TEXT } from '../lib/frames.mjs';
import { ms } from '../lib/data.mjs';
import { openFiles } from '../lib/resources.mjs';
import { eventually, pause, within } from '../lib/wait.mjs';

const MOST_MS = 2_000;
const SPARE_FILES = 3;

/** Lets `client` go away with `leave`, and says how long the upstream took to notice. */
async function noticed(t, facts, tag, leave) {
  await pause(500); // something must be under way
  const leftAt = Date.now();
  leave();
  const { closedAt, requestComplete } = await facts(tag, 'closedAt', MOST_MS + 3_000);
  const took = Math.max(0, closedAt - leftAt);
  t.figure(`noticed after ${ms(took)}`);
  assert.ok(closedAt >= leftAt, 'the upstream connection was closed before the client had gone');
  assert.ok(took <= MOST_MS, `the upstream connection lived on for ${ms(took)}`);
  return { requestComplete };
}

/** curl, killed in the middle of `path`. */
const killed = (path) => async (t) => {
  const tag = t.tag();
  const separator = path.includes('?') ? '&' : '?';
  const client = curlInBackground(t, 'curl', [t.pair.url(`${path}${separator}tag=${tag}`)]);
  await t.httpFacts(tag, 'openedAt');
  await noticed(t, t.httpFacts.bind(t), tag, () => client.kill('SIGKILL'));
};

/** A client that goes while it is still sending: its body must not look complete. */
const duringUpload = (framing, piece) => async (t) => {
  const tag = t.tag();
  const raw = await RawClient.connect(t, t.pair.address('/sink'));
  raw.write(`POST /sink?tag=${tag} HTTP/1.1\r\nHost: ${t.pair.authority('/sink')}\r\n${framing}\r\n\r\n${piece}`);
  await t.httpFacts(tag, 'openedAt');
  const { requestComplete } = await noticed(t, t.httpFacts.bind(t), tag, () => raw.destroy());
  assert.equal(requestComplete, false, 'half a body looked like a whole one');
};

async function webSocketDestroyed(t) {
  const tag = t.tag();
  const socket = new WebSocket(t.pair.url(`/ws/ticks?every=50&tag=${tag}`, 'ws'));
  socket.on('error', () => {}); // it is to be destroyed
  t.cleanup(() => socket.terminate());
  await within(10_000, 'the first tick', once(socket, 'message'));
  await noticed(t, t.webSocketFacts.bind(t), tag, () => socket.terminate());
  assert.equal((await t.webSocketFacts(tag, 'closedAt')).closeCode, 1006);
}

/** Nothing is sent either way when the client goes: only the end of its connection tells. */
async function idleWebSocketDestroyed(t) {
  const tag = t.tag();
  const path = `/ws/echo?tag=${tag}`;
  const raw = await RawClient.connect(t, t.pair.address(path));
  raw.write(upgradeRequest(path, t.pair.authority(path)).bytes, frame(TEXT, 'once', { masked: true }));
  assert.match((await raw.head()).startLine, / 101 /);
  await noticed(t, t.webSocketFacts.bind(t), tag, () => raw.destroy());
}

/** Many at once: those that go must not take anything with them that others need. */
async function manyAborts(t) {
  const tags = Array.from({ length: 300 }, () => t.tag());
  const clients = await Promise.all(
    tags.map(async (tag) => {
      const raw = await RawClient.connect(t, t.pair.address('/drip'));
      raw.write(`GET /drip?every=100&bytes=1000&tag=${tag} HTTP/1.1\r\nHost: ${t.pair.authority('/drip')}\r\n\r\n`);
      assert.match((await raw.head()).startLine, / 200 /);
      return raw;
    }),
  );
  const leftAt = Date.now();
  for (const raw of clients) raw.destroy();
  const facts = await Promise.all(tags.map((tag) => t.httpFacts(tag, 'closedAt', MOST_MS + 3_000)));
  const slowest = Math.max(...facts.map(({ closedAt }) => closedAt - leftAt));
  t.figure(`${tags.length} noticed after at most ${ms(slowest)}`);
  assert.ok(slowest <= MOST_MS, `an upstream connection lived on for ${ms(slowest)}`);
  assert.equal(await (await fetch(t.pair.url('/hello'))).text(), 'hello\n', 'others are still served');
}

/** After clients of all kinds have come and gone, both programs hold as many sockets as before. */
async function nothingLeftBehind(t) {
  const programs = [t.pair.gateway, t.pair.agent];
  await fetch(t.pair.url('/hello'), { headers: { Connection: 'close' } });
  const counts = () => programs.map(({ pid }) => openFiles(pid));
  const before = counts();
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(
      ['/drip?every=20&bytes=1000', '/events?count=9&every=100', '/silent', '/hello', '/die?after=9&framing=length&how=reset', '/refused/x'].flatMap((path) =>
        Array.from({ length: 20 }, async () => {
          const raw = await RawClient.connect(t, t.pair.address(path));
          raw.write(`GET ${path} HTTP/1.1\r\nHost: ${t.pair.authority(path)}\r\n\r\n`);
          return raw;
        }),
      ),
    );
    const sockets = Array.from({ length: 20 }, () => new WebSocket(t.pair.url('/ws/ticks?every=50', 'ws')));
    for (const socket of sockets) socket.on('error', () => {}); // some are cut before they are open
    await pause(300);
    for (const client of [...clients, ...sockets]) (client.terminate ?? client.destroy).call(client);
  }
  const during = counts();
  const isBack = () => counts().every((count, i) => count <= before[i] + SPARE_FILES);
  await eventually(20_000, `open files to come back from ${during} to ${before}`, isBack, 250);
  t.figure(`open files ${before}, then ${during}, in the end ${counts()}`);
}

export const checks = [
  check('long-response', killed('/drip?every=50&bytes=1000')),
  check('full-speed-download', killed('/source?bytes=100000000000&seed=gone')),
  check('events', killed('/events?count=1000&every=200')),
  check('idle-response', killed('/events?count=2&every=60000')),
  check('no-answer-yet', killed('/silent')),
  check('upload-with-length', duringUpload('Content-Length: 100000', 'only the beginning')),
  check('upload-chunked', duringUpload('Transfer-Encoding: chunked', '5\r\nhello\r\n')),
  check('websocket', webSocketDestroyed),
  check('idle-websocket', idleWebSocketDestroyed),
  check('300-aborts', manyAborts),
  check('nothing-left-behind', nothingLeftBehind, { needsTunnel: true, pair: 'own' }),
];
