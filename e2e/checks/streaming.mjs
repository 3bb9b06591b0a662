// What comes bit by bit goes on bit by bit; who reads slowly slows his own source and nobody else.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { Client as UndiciClient } from 'undici';
import { check } from '../lib/suite.mjs';
import { curlInBackground } from '../lib/curl.mjs';
import { mib, MIB, ms, percentile } from '../lib/data.mjs';
import { DIRECT } from '../lib/pair.mjs';
import { RawClient } from '../lib/raw.mjs';
import { MemoryWatch } from '../lib/resources.mjs';
import { eventually, pause } from '../lib/wait.mjs';

const EVENTS = 20;
const EVENT_EVERY_MS = 200;
const LATEST_MS = 150;

const SLOW_READER_SECONDS = 12;
const SETTLED_AFTER_MS = 3_000;
/** What the sockets' own buffers (4 MiB to send, 6 MiB to receive, twice with a tunnel) and the windows may hold. */
const MOST_AHEAD = 16 * MIB;
const MOST_GROWTH = 64 * MIB;
const PROBES = 500;

async function eventsOneByOne(t) {
  const child = spawn('curl', ['-sS', '-N', '--max-time', '30', t.pair.url(`/events?count=${EVENTS}&every=${EVENT_EVERY_MS}`)]);
  t.cleanup(() => child.kill('SIGKILL'));
  const delays = [];
  let mostInOneRead = 0;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const now = Date.now();
    const sentAt = [...text.matchAll(/"sentAt":(\d+)/g)].map((match) => Number(match[1]));
    mostInOneRead = Math.max(mostInOneRead, sentAt.length);
    delays.push(...sentAt.map((at) => now - at));
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0);
  t.figure(`${delays.length} events, delay p50 ${ms(percentile(delays, 0.5))}, max ${ms(Math.max(...delays))}`);
  assert.equal(delays.length, EVENTS);
  assert.equal(mostInOneRead, 1, 'events come one by one');
  assert.ok(Math.max(...delays) <= LATEST_MS, `an event came ${Math.max(...delays)} ms after it was sent`);
}

/** Small requests one after the other on one connection; how long each took. */
async function probe(t, count) {
  const client = new UndiciClient(t.pair.url('').replace(/\/$/, ''));
  t.cleanup(() => client.destroy());
  const durations = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const { statusCode, body } = await client.request({ method: 'GET', path: '/hello' });
    assert.equal(await body.text(), 'hello\n');
    assert.equal(statusCode, 200);
    durations.push(performance.now() - startedAt);
  }
  await client.close();
  return { p50: percentile(durations, 0.5), p99: percentile(durations, 0.99) };
}

async function slowReader(t) {
  await probe(t, 3 * PROBES); // the first requests of a JVM say nothing
  const before = await probe(t, PROBES);
  const tag = t.tag();
  const file = t.file('slow');
  const limited = ['--limit-rate', '1M', '-o', file, t.pair.url(`/source?bytes=400000000&seed=slow&tag=${tag}`)];
  const reader = spawn('curl', ['-sS', '-N', ...limited], { stdio: 'ignore' });
  t.cleanup(() => reader.kill('SIGKILL'));
  const startedAt = performance.now();
  await t.httpFacts(tag, 'openedAt');

  const ahead = [];
  const watching = (async () => {
    while (performance.now() - startedAt < SLOW_READER_SECONDS * 1_000) {
      await pause(250);
      const { socketSent } = await t.upstreams.http.ask('facts', { tag });
      if (performance.now() - startedAt > SETTLED_AFTER_MS) ahead.push(socketSent - statSync(file).size);
    }
  })();
  await eventually(10_000, 'the slow reader to be full', () => performance.now() - startedAt > SETTLED_AFTER_MS);
  const during = await probe(t, PROBES);
  await watching;
  const read = statSync(file).size;

  t.figure(`read ${mib(read)}, upstream ahead by at most ${mib(Math.max(...ahead))}`);
  t.figure(`small request p50/p99 before ${ms(before.p50)}/${ms(before.p99)}, during ${ms(during.p50)}/${ms(during.p99)}`);
  assert.equal(reader.exitCode, null, 'the slow reader is still reading');
  assert.ok(read > 6 * MIB, `the slow reader got only ${mib(read)} in ${SLOW_READER_SECONDS} s`);
  assert.ok(Math.max(...ahead) <= MOST_AHEAD, `the upstream had sent ${mib(Math.max(...ahead))} that the reader had not read`);
  assert.ok(during.p99 <= 10 * before.p99 + 20, `p99 of small requests beside a slow reader: ${ms(during.p99)}, alone ${ms(before.p99)}`);
}

/** Twenty readers that do not read at all must not hold up anyone. */
async function stoppedReaders(t) {
  await probe(t, PROBES);
  const before = await probe(t, PROBES);
  const watches = DIRECT ? [] : [t.pair.gateway, t.pair.agent].map((child) => new MemoryWatch(child));
  const readers = Array.from({ length: 20 }, (_, i) => {
    const tag = t.tag();
    curlInBackground(t, `stopped-${i}`, ['--limit-rate', '1', t.pair.url(`/source?bytes=400000000&seed=stopped&tag=${tag}`)]);
    return tag;
  });
  for (const tag of readers) await t.httpFacts(tag, 'openedAt');
  await pause(2_000);
  const during = await probe(t, PROBES);
  const growths = watches.map((watch) => {
    watch.stop();
    t.figure(`${watch.name} ${mib(watch.baseline)} + ${mib(watch.growth)}`);
    return watch.growth;
  });
  t.figure(`small request p50/p99 before ${ms(before.p50)}/${ms(before.p99)}, beside 20 ${ms(during.p50)}/${ms(during.p99)}`);
  assert.ok(during.p99 <= 10 * before.p99 + 20, `p99 of small requests beside stopped readers: ${ms(during.p99)}, alone ${ms(before.p99)}`);
  for (const growth of growths) assert.ok(growth <= MOST_GROWTH, `a program grew by ${mib(growth)} for 20 readers that do not read`);
}

/** An upstream that does not read: its client must be made to wait, not the gateway's memory. */
async function stoppedUpload(t) {
  const tag = t.tag();
  const raw = await RawClient.connect(t, t.pair.address('/silent'));
  raw.write(`POST /silent?tag=${tag} HTTP/1.1\r\nHost: ${t.pair.authority('/silent')}\r\nContent-Length: 1000000000\r\n\r\n`);
  await t.httpFacts(tag, 'openedAt');
  const block = Buffer.alloc(MIB);
  let taken = 0;
  for (let isTaken = true; isTaken && taken < 10 * MOST_AHEAD; ) {
    isTaken = await Promise.race([new Promise((resolve) => raw.socket.write(block, () => resolve(true))), pause(2_000)]);
    if (isTaken) taken += block.length;
  }
  t.figure(`${mib(taken)} taken, then no more`);
  assert.ok(taken <= MOST_AHEAD, `${mib(taken)} of an upload were taken that nobody reads`);
  assert.equal((await probe(t, 10)).p50 < 1_000, true, 'others are served');
}

export const checks = [
  check('events-one-by-one', eventsOneByOne),
  check('slow-reader', slowReader),
  check('stopped-readers', stoppedReaders, { pair: 'own' }),
  check('stopped-upload', stoppedUpload),
];
