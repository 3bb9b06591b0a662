// What comes bit by bit goes on bit by bit; who reads slowly slows his own source and nobody else.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { Client as UndiciClient } from 'undici';
import { check } from '../lib/suite.mjs';
import { curlInBackground } from '../lib/curl.mjs';
import { mib, MIB, ms, percentile } from '../lib/data.mjs';
import { DIRECT } from '../lib/pair.mjs';
import { RawClient } from '../lib/raw.mjs';
import { kernelBytes, MemoryWatch } from '../lib/resources.mjs';
import { pause } from '../lib/wait.mjs';

const EVENTS = 20;
const EVENT_EVERY_MS = 200;
const LATEST_MS = 150;

const SLOW_READER_SECONDS = 12;
const SETTLED_AFTER_MS = 3_000;
/** The kernel's buffers (Linux: up to 4 MiB to send, 6 MiB to receive, on two legs with a tunnel), and what the programs hold. */
const MOST_AHEAD = 16 * MIB;
/** What the two programs may hold of it themselves. */
const MOST_HELD = 4 * MIB;
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

/** Takes 1 MB/s, evenly: curl's limit comes in bursts of ten seconds. */
class PacedReader {
  static async start(t, path) {
    const reader = new PacedReader(connect({ ...t.pair.address(path), highWaterMark: 16 * 1024 }));
    t.cleanup(() => reader.stop());
    reader.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${t.pair.authority(path)}\r\n\r\n`);
    return reader;
  }

  constructor(socket) {
    this.socket = socket;
    this.bytes = 0;
    this.isEnded = false;
    socket.on('error', () => (this.isEnded = true)).on('close', () => (this.isEnded = true));
    const startedAt = performance.now();
    this.timer = setInterval(() => {
      const due = (performance.now() - startedAt) * 1_000;
      for (let chunk; this.bytes < due && (chunk = socket.read()) !== null; ) this.bytes += chunk.length;
    }, 10);
  }

  stop() {
    clearInterval(this.timer);
    this.socket.destroy();
  }
}

async function slowReader(t) {
  await probe(t, 3 * PROBES); // the first requests of a JVM say nothing
  const before = await probe(t, PROBES);
  const tag = t.tag();
  const reader = await PacedReader.start(t, `/source?bytes=400000000&seed=slow&tag=${tag}`);
  await t.httpFacts(tag, 'openedAt');
  const ports = DIRECT ? [t.upstreams.httpPort] : [t.upstreams.httpPort, t.pair.httpPort, t.pair.tunnelPort];

  const ahead = [];
  const held = [];
  let isProbing = true;
  const watching = (async () => {
    for (let i = 0; i < SLOW_READER_SECONDS * 4; i++) {
      await pause(250);
      const inKernel = isProbing ? null : kernelBytes(ports); // takes long enough to show in the probes
      const { socketSent } = await t.upstreams.http.ask('facts', { tag });
      ahead.push(socketSent - reader.bytes);
      if (inKernel !== null) held.push(socketSent - reader.bytes - inKernel);
    }
  })();
  await pause(SETTLED_AFTER_MS);
  const during = await probe(t, PROBES);
  isProbing = false;
  await watching;

  t.figure(`read ${mib(reader.bytes)}, upstream ahead by at most ${mib(Math.max(...ahead))}, of which not in the kernel's buffers ${mib(percentile(held, 0.5))}`);
  t.figure(`small request p50/p99 before ${ms(before.p50)}/${ms(before.p99)}, during ${ms(during.p50)}/${ms(during.p99)}`);
  assert.ok(!reader.isEnded, 'the slow reader is still reading');
  assert.ok(reader.bytes > 6 * MIB, `the slow reader got only ${mib(reader.bytes)} in ${SLOW_READER_SECONDS} s`);
  assert.ok(Math.max(...ahead) <= MOST_AHEAD, `the upstream had sent ${mib(Math.max(...ahead))} that the reader had not read`);
  assert.ok(percentile(held, 0.5) <= MOST_HELD, `the two programs hold ${mib(percentile(held, 0.5))} of what the reader has not read`);
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
