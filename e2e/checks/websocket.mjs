// WebSockets: messages whole and in order, handshakes and closings as they were.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { Helper } from '../lib/children.mjs';
import { valuesOf } from '../lib/curl.mjs';
import { frame, readFrame, acceptOf, upgradeRequest, TEXT } from '../lib/frames.mjs';
import { mib, MIB, ms, seconds, seededBytes } from '../lib/data.mjs';
import { DIRECT } from '../lib/pair.mjs';
import { RawClient } from '../lib/raw.mjs';
import { processorSeconds } from '../lib/resources.mjs';
import { within } from '../lib/wait.mjs';

const CLIENTS = 200;
const WORKERS = 2;
const MESSAGES = Number(process.env.E2E_MESSAGES ?? 1_000);

async function echoOfMany(t) {
  const url = t.pair.url('/ws/echo', 'ws');
  const seeds = Array.from({ length: CLIENTS }, (_, i) => 4_000 + i);
  const workers = Array.from({ length: WORKERS }, (_, i) =>
    Helper.fork(`echo-worker-${i}`, fileURLToPath(new URL('../drivers/echo-worker.mjs', import.meta.url)), { logDirectory: t.logDirectory }),
  );
  t.cleanup(() => Promise.all(workers.map((worker) => worker.stop())));
  const programs = DIRECT ? [] : [t.pair.gateway, t.pair.agent];
  const processorBefore = programs.map(({ pid }) => processorSeconds(pid));
  const startedAt = performance.now();
  const results = await Promise.all(
    workers.map((worker, i) => worker.ask('echo', { url, seeds: seeds.filter((_, n) => n % WORKERS === i), count: MESSAGES }, 590_000)),
  );
  const took = performance.now() - startedAt;
  const bytes = results.reduce((sum, result) => sum + result.bytes, 0);
  const problems = results.flatMap((result) => result.problems);
  t.figure(`${CLIENTS} × ${MESSAGES} messages, ${mib(bytes)} each way in ${seconds(took)}`);
  t.figure(`${Math.round((CLIENTS * MESSAGES) / took * 1000)} messages/s, ${mib((bytes / took) * 1000)}/s each way`);
  programs.forEach(({ name, pid }, i) => t.figure(`${name} ${(processorSeconds(pid) - processorBefore[i]).toFixed(1)} CPU s`));
  assert.deepEqual(problems.slice(0, 3), [], `${problems.length} of ${CLIENTS} clients were not answered exactly`);
}

async function opened(t, path, options = {}, protocols = []) {
  const socket = new WebSocket(t.pair.url(path, 'ws'), protocols, { perMessageDeflate: false, ...options });
  t.cleanup(() => socket.terminate());
  await within(10_000, `a WebSocket at ${path}`, once(socket, 'open'));
  return socket;
}

const nextMessage = (socket, timeoutMs = 30_000) => within(timeoutMs, 'a message', once(socket, 'message'));
const closing = async (socket) => {
  const [code, reason] = await within(10_000, 'the closing', once(socket, 'close'));
  return [code, reason.toString()];
};

async function largeMessage(t) {
  const socket = await opened(t, '/ws/echo');
  const message = seededBytes('large', 16 * MIB);
  const startedAt = performance.now();
  socket.send(message);
  const [echoed, isBinary] = await nextMessage(socket);
  t.figure(`back after ${ms(performance.now() - startedAt)}`);
  assert.ok(isBinary && echoed.equals(message), 'the message that came back is another');
}

async function fragmentsAndControl(t) {
  const tag = t.tag();
  const socket = await opened(t, `/ws/echo?tag=${tag}`);
  socket.send('one ', { fin: false });
  socket.ping('between');
  socket.send('two ', { fin: false });
  socket.send('three', { fin: true });
  const ponged = within(10_000, 'a pong', once(socket, 'pong'));
  const [message] = await nextMessage(socket);
  assert.equal(message.toString(), 'one two three');
  assert.equal((await ponged)[0].toString(), 'between');
  assert.equal((await t.webSocketFacts(tag, 'ping')).ping, 'between', 'the ping went all the way');
}

async function negotiation(t) {
  const socket = await opened(t, '/ws/echo', { perMessageDeflate: { threshold: 64 } }, ['chat.v1', 'chat.v2']);
  assert.equal(socket.protocol, 'chat.v2', 'the subprotocol that the upstream chose');
  assert.match(socket.extensions, /permessage-deflate/, 'the extension that the upstream agreed to');
  const message = 'compress me '.repeat(10_000);
  socket.send(message);
  assert.equal((await nextMessage(socket))[0].toString(), message);
}

/** The upstream writes its first frame in one go with the 101. */
async function serverSpeaksFirst(t) {
  const path = '/upgrade/speak-first';
  for (let i = 0; i < 20; i++) {
    const raw = await RawClient.connect(t, t.pair.address(path));
    const { key, bytes } = upgradeRequest(path, t.pair.authority(path));
    raw.write(bytes);
    const head = await raw.head();
    assert.match(head.startLine, /^HTTP\/1\.1 101 /);
    assert.deepEqual(valuesOf(head.headers, 'sec-websocket-accept'), [acceptOf(key)]);
    assert.equal((await readFrame(raw)).payload.toString(), 'the server speaks first');
    raw.destroy();
  }
}

/** The client writes its first frames in one go with the upgrade request. */
async function clientSpeaksFirst(t) {
  for (const path of ['/upgrade/echo', '/upgrade/speak-first', '/ws/echo']) {
    for (let i = 0; i < 20; i++) {
      const raw = await RawClient.connect(t, t.pair.address(path));
      const { bytes } = upgradeRequest(path, t.pair.authority(path));
      const early = [`early ${i}`, 'x'.repeat(i * 500)];
      raw.write(bytes, ...early.map((text) => frame(TEXT, text, { masked: true })));
      assert.match((await raw.head()).startLine, /^HTTP\/1\.1 101 /);
      if (path === '/upgrade/speak-first') assert.equal((await readFrame(raw)).payload.toString(), 'the server speaks first');
      for (const text of early) assert.equal((await readFrame(raw)).payload.toString(), text, 'early frames are echoed in order');
      raw.write(frame(TEXT, 'late', { masked: true }));
      assert.equal((await readFrame(raw)).payload.toString(), 'late');
      raw.destroy();
    }
  }
}

async function closeByClient(t) {
  for (const [code, reason] of [[4321, 'bye-ü'], [1000, ''], [1001, 'going'], [3000, 'x'.repeat(123)]]) {
    const tag = t.tag();
    const socket = await opened(t, `/ws/echo?tag=${tag}`);
    const closed = closing(socket);
    socket.close(code, reason);
    assert.deepEqual(await closed, [code, reason], 'the upstream answers the close frame');
    const facts = await t.webSocketFacts(tag, 'closedAt');
    assert.deepEqual([facts.closeCode, facts.closeReason], [code, reason], 'what the upstream saw');
  }
  const tag = t.tag();
  (await opened(t, `/ws/echo?tag=${tag}`)).close();
  assert.equal((await t.webSocketFacts(tag, 'closedAt')).closeCode, 1005, 'a close frame without a code');
}

async function closeByServer(t) {
  for (const [code, reason] of [[4321, 'bye-ü'], [1000, 'done'], [1011, '']]) {
    const tag = t.tag();
    const socket = await opened(t, `/ws/close?tag=${tag}&code=${code}&reason=${encodeURIComponent(reason)}`);
    socket.send('close, please');
    assert.deepEqual(await closing(socket), [code, reason]);
    const facts = await t.webSocketFacts(tag, 'closedAt');
    assert.equal(facts.closeCode, code, 'the client answered, and the upstream saw it');
  }
  const silent = await opened(t, '/ws/close');
  silent.send('close, please');
  assert.deepEqual(await closing(silent), [1005, '']);
  const cut = await opened(t, '/ws/close?how=terminate');
  cut.send('cut the line, please');
  assert.deepEqual(await closing(cut), [1006, ''], 'a connection that was cut is no clean end');
}

async function refusedUpgrade(t) {
  const socket = new WebSocket(t.pair.url('/upgrade/refuse', 'ws'));
  t.cleanup(() => socket.terminate());
  socket.on('error', () => {}); // the refusal is what is wanted
  const [, response] = await within(10_000, 'the refusal', once(socket, 'unexpected-response'));
  assert.equal(response.statusCode, 403);
  assert.equal(response.headers['x-reason'], 'because');
  assert.equal(response.headers['content-type'], 'application/json');
  assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  assert.equal(body, '{"error":"not here"}');
}

async function falseUpgrade(t) {
  const path = '/upgrade/wrong-accept';
  const raw = await RawClient.connect(t, t.pair.address(path));
  raw.write(upgradeRequest(path, t.pair.authority(path)).bytes, frame(TEXT, 'must not get through', { masked: true }));
  const response = await raw.response();
  assert.match(response.startLine, /^HTTP\/1\.1 502 /, 'a 101 that answers another key is no upgrade');
  assert.equal(JSON.parse(response.body).code, 'upstream_invalid');
}

export const checks = [
  check('echo-200-clients', echoOfMany, { timeoutMs: 600_000 }),
  check('16-mib-message', largeMessage),
  check('fragments-and-control', fragmentsAndControl),
  check('negotiation', negotiation),
  check('server-speaks-first', serverSpeaksFirst),
  check('client-speaks-first', clientSpeaksFirst),
  check('close-by-client', closeByClient),
  check('close-by-server', closeByServer),
  check('refused-upgrade', refusedUpgrade),
  check('false-upgrade', falseUpgrade, { needsTunnel: true }),
];
