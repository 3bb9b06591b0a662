// Many bytes arrive whole, and memory does not move.
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { check } from '../lib/suite.mjs';
import { curl } from '../lib/curl.mjs';
import { mib, MIB, seededSha256, seededStream } from '../lib/data.mjs';
import { MemoryWatch } from '../lib/resources.mjs';
import { DIRECT } from '../lib/pair.mjs';

const UPLOAD_BYTES = 100_000_000;
const DOWNLOAD_BYTES = 200_000_000;
const LOGS = 10;
const LOG_BYTES = 100_000_000;
const MOST_GROWTH = 64 * MIB;

/** Watches both programs' memory, after a few small requests, while `transfer` runs. */
async function watched(t, transfer) {
  for (let i = 0; i < 10; i++) assert.equal((await curl(t, [t.pair.url('/hello')])).code, 0);
  const watches = DIRECT ? [] : [t.pair.gateway, t.pair.agent].map((child) => new MemoryWatch(child));
  try {
    await transfer();
  } finally {
    for (const watch of watches) watch.stop();
  }
  for (const { name, baseline, growth } of watches) t.figure(`${name} ${mib(baseline)} + ${mib(growth)}`);
  for (const { name, growth } of watches) {
    assert.ok(growth <= MOST_GROWTH, `${name} grew by ${mib(growth)}, more than ${mib(MOST_GROWTH)}`);
  }
}

const rate = (result, bytes) => `${Math.round(bytes / result.info.time_total / 1e6)} MB/s`;

async function upload(t) {
  const file = t.file('upload');
  await pipeline(seededStream('upload', UPLOAD_BYTES), createWriteStream(file));
  await watched(t, async () => {
    const result = await curl(t, ['-X', 'POST', '-T', file, t.pair.url('/sink')], { maxTimeSeconds: 90 });
    assert.equal(result.code, 0, result.stderr);
    const expected = { bytes: UPLOAD_BYTES, sha256: seededSha256('upload', UPLOAD_BYTES) };
    assert.deepEqual(JSON.parse(result.body), expected, 'what the upstream received');
    t.figure(rate(result, UPLOAD_BYTES));
  });
}

async function download(t, framing) {
  await watched(t, async () => {
    const tag = t.tag();
    const url = t.pair.url(`/source?bytes=${DOWNLOAD_BYTES}&seed=download&tag=${tag}${framing}`);
    const result = await curl(t, [url], { keepBody: false, maxTimeSeconds: 90 });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.bytes, DOWNLOAD_BYTES);
    const { responseSha256 } = await t.httpFacts(tag, 'closedAt');
    assert.equal(responseSha256, seededSha256('download', DOWNLOAD_BYTES), 'what the upstream sent');
    assert.equal(result.sha256, responseSha256, 'what curl received');
    t.figure(rate(result, DOWNLOAD_BYTES));
  });
}

/** As `kubectl logs -f` would, ten times: chunked, and all at once. */
async function tenLogs(t) {
  await watched(t, async () => {
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: LOGS }, async (_, i) => {
        const url = t.pair.url(`/source?bytes=${LOG_BYTES}&seed=log-${i}&chunked`);
        const result = await curl(t, [url], { keepBody: false, maxTimeSeconds: 120 });
        assert.equal(result.code, 0, result.stderr);
        assert.equal(result.sha256, seededSha256(`log-${i}`, LOG_BYTES), `what curl ${i} received`);
      }),
    );
    t.figure(`${Math.round((LOGS * LOG_BYTES) / (performance.now() - startedAt) / 1e3)} MB/s over all`);
  });
}

// Own pairs: memory is compared with that of a process that has done little yet.
const options = { pair: 'own', timeoutMs: 120_000 };

export const checks = [
  check('upload-100-mb', upload, options),
  check('download-200-mb', (t) => download(t, ''), options),
  check('download-200-mb-chunked', (t) => download(t, '&chunked'), options),
  check('ten-logs-100-mb', tenLogs, { ...options, timeoutMs: 180_000 }),
];
