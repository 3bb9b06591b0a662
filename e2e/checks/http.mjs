// Requests and responses arrive as they were sent.
import assert from 'node:assert/strict';
import { createReadStream, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Agent as UndiciAgent, request as undiciRequest } from 'undici';
import { check } from '../lib/suite.mjs';
import { curl, valuesOf } from '../lib/curl.mjs';
import { ms, percentile, seededBytes, seededNumbers, sha256 } from '../lib/data.mjs';
import { RawClient } from '../lib/raw.mjs';

/** Legal request targets that a careless proxy would change. */
const ODD_TARGETS = [
  '/odd',
  '/odd?',
  '/odd?a=1&a=2&&b',
  '/odd/%2F/%2e%2e/%E4%F6?x=%00%0d%0aX-Injected:1',
  '/odd//double///slash/./dot/../dots/',
  "/odd/!$&'()*+,;=:@-._~",
  '/odd/a;b=c/%7Euser?q=a+b%20c&d=/?:@!$',
  '/odd/%c3%a4/%zz?%',
  `/odd/${'long/'.repeat(400)}?${'q'.repeat(1_500)}`,
];

/** What the upstream saw of a request to /inspect or /odd, without the header fields that belong to one connection only. */
const seen = (body) => {
  const { rawHeaders, ...rest } = JSON.parse(body);
  const headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i].toLowerCase(), rawHeaders[i + 1]]);
  return { ...rest, headers };
};

async function get(t) {
  const result = await curl(t, [t.pair.url('/hello')]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.info.http_code, 200);
  assert.equal(result.body.toString(), 'hello\n');
  assert.deepEqual(valuesOf(result.headers, 'content-length'), ['6']);
  t.figure(`first request ${ms(result.info.time_total * 1000)}`);
}

async function head(t) {
  const result = await curl(t, ['--head', t.pair.url('/sized?bytes=12345')]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.info.http_code, 200);
  assert.deepEqual(valuesOf(result.headers, 'content-length'), ['12345']);
  assert.deepEqual(valuesOf(result.headers, 'transfer-encoding'), []);
  const raw = await RawClient.connect(t, t.pair.address('/sized'));
  const host = t.pair.authority('/sized');
  raw.write(`HEAD /sized?bytes=99 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assert.match((await raw.response({ toHead: true })).startLine, /^HTTP\/1\.1 200/);
  raw.write(`GET /hello HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  assert.equal((await raw.response()).body.toString(), 'hello\n', 'the connection is good for another request after a HEAD');
}

async function withoutBody(t) {
  const raw = await RawClient.connect(t, t.pair.address('/no-content'));
  const host = t.pair.authority('/no-content');
  for (const [path, status, name, value] of [
    ['/no-content', 204, 'x-seen', 'yes'],
    ['/not-modified', 304, 'etag', '"v1"'],
    ['/empty', 200, 'content-length', '0'],
  ]) {
    raw.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nIf-None-Match: "v1"\r\n\r\n`);
    const response = await raw.response();
    assert.match(response.startLine, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.deepEqual(valuesOf(response.headers, name), [value]);
    if (status !== 200) assert.deepEqual(valuesOf(response.headers, 'transfer-encoding'), [], `${status} has no body and no framing`);
  }
}

async function chunkedUpload(t) {
  const body = seededBytes('chunked upload', 1_000_003);
  const file = t.file('body');
  writeFileSync(file, body);
  const chunked = ['-X', 'PUT', '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-T', '-'];
  const result = await curl(t, [...chunked, t.pair.url('/inspect')], { input: createReadStream(file) });
  assert.equal(result.code, 0, result.stderr);
  const request = seen(result.body);
  assert.deepEqual([request.method, request.bytes, request.sha256], ['PUT', body.length, sha256(body)]);
  assert.deepEqual(valuesOf(request.headers, 'content-length'), []);
}

async function trailers(t) {
  const raw = await RawClient.connect(t, t.pair.address('/trailers'));
  const host = t.pair.authority('/trailers');
  raw.write(`GET /trailers HTTP/1.1\r\nHost: ${host}\r\nTE: trailers\r\n\r\n`);
  const response = await raw.response();
  assert.equal(response.body.toString(), 'body\n');
  assert.deepEqual(response.trailers, [['x-checksum', 'abc123'], ['x-rows', '7']], 'trailers of the response');
  raw.write(
    `POST /inspect HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n`,
  );
  const request = seen((await raw.response()).body);
  assert.equal(request.bytes, 5);
  assert.deepEqual(request.rawTrailers.map((text) => text.toLowerCase()), ['x-sum', '42'], 'trailers of the request');
}

async function expectContinue(t) {
  const body = seededBytes('expect', 200_000);
  const file = t.file('body');
  writeFileSync(file, body);
  const patient = ['-H', 'Expect: 100-continue', '--expect100-timeout', '8', '--data-binary', `@${file}`];
  const result = await curl(t, [...patient, t.pair.url('/inspect')]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(seen(result.body).sha256, sha256(body));
  const took = result.info.time_total * 1000;
  assert.ok(took < 4_000, `curl was kept waiting for 100 Continue: ${ms(took)}`);
  const refused = await curl(t, [...patient, t.pair.url('/refuse-expectation')]);
  assert.equal(refused.info.http_code, 417, 'a refused expectation arrives as such');
  t.figure(`answered in ${ms(took)}`);
}

async function keepAlive(t) {
  const urls = ['/hello', '/sized?bytes=70000', '/no-content', '/trailers', '/hello'].map((path) => t.pair.url(path));
  const result = await curl(t, ['-w', '%{stderr}%{num_connects} ', ...urls]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stderr.trim(), '1 0 0 0 0', 'one connection for five requests');
}

async function pipelined(t) {
  const raw = await RawClient.connect(t, t.pair.address('/echo'));
  const host = t.pair.authority('/echo');
  const bodies = Array.from({ length: 20 }, (_, i) => `request ${i} `.repeat(i * 37));
  raw.write(bodies.map((body) => `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`).join(''));
  for (const body of bodies) assert.equal((await raw.response()).body.toString(), body, 'answers come in the order of the requests');
}

async function duplicateHeaders(t) {
  const result = await curl(t, [t.pair.url('/duplicates')]);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(valuesOf(result.headers, 'set-cookie'), [
    'a=1; Path=/',
    'b=2; Path=/',
    'c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
  ]);
  assert.deepEqual(valuesOf(result.headers, 'x-many'), ['one', 'two, three', '']);
  const sent = ['X-Dup: 1', 'X-Other: o', 'X-Dup: 2,3', 'X-Dup;', 'Cookie: k=v; l="w"', 'Accept-Encoding: br;q=0.1, gzip'];
  const inspected = await curl(t, [...sent.flatMap((line) => ['-H', line]), t.pair.url('/inspect')]);
  const { headers } = seen(inspected.body);
  assert.deepEqual(valuesOf(headers, 'x-dup'), ['1', '2,3', '']);
  assert.deepEqual(valuesOf(headers, 'cookie'), ['k=v; l="w"']);
  assert.deepEqual(valuesOf(headers, 'accept-encoding'), ['br;q=0.1, gzip']);
  assert.deepEqual(valuesOf(headers, 'host'), [t.pair.authority('/inspect')], 'Host is the one that the client named');
}

async function headerBytes(t) {
  const raw = await RawClient.connect(t, t.pair.address('/inspect'));
  const value = Buffer.from([0x61, 0xe4, 0xff, 0x20, 0x80, 0x22, 0x62]);
  raw.write(`GET /inspect HTTP/1.1\r\nHost: ${t.pair.authority('/inspect')}\r\nX-Bytes: `, value, '\r\n\r\n');
  const { headers } = seen((await raw.response()).body);
  assert.deepEqual(valuesOf(headers, 'x-bytes'), [value.toString('latin1')], 'bytes above 127 pass as they are');
}

async function oddTargets(t) {
  const raw = await RawClient.connect(t, t.pair.address('/odd'));
  for (const target of ODD_TARGETS) {
    raw.write(`GET ${target} HTTP/1.1\r\nHost: ${t.pair.authority('/odd')}\r\n\r\n`);
    const response = await raw.response();
    assert.match(response.startLine, /^HTTP\/1\.1 200/, `${target}: ${response.body}`);
    const { url, headers } = seen(response.body);
    assert.equal(url, target);
    assert.deepEqual(valuesOf(headers, 'x-injected'), []);
  }
  t.figure(`${ODD_TARGETS.length} targets`);
}

async function gzipUntouched(t) {
  const result = await curl(t, ['-H', 'Accept-Encoding: gzip', t.pair.url('/gzip')]);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(valuesOf(result.headers, 'content-encoding'), ['gzip']);
  assert.deepEqual(valuesOf(result.headers, 'content-length'), [String(result.body.length)]);
  assert.equal(gunzipSync(result.body).toString(), 'tunnel '.repeat(5_000));
  const unasked = await curl(t, [t.pair.url('/hello')]);
  assert.deepEqual(valuesOf(unasked.headers, 'content-encoding'), [], 'nothing is packed that was not');
}

async function endedByClose(t) {
  const result = await curl(t, [t.pair.url('/until-close')]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.sha256, sha256(seededBytes('until-close', 300_000)));
}

async function earlyHints(t) {
  const raw = await RawClient.connect(t, t.pair.address('/hints'));
  raw.write(`GET /hints HTTP/1.1\r\nHost: ${t.pair.authority('/hints')}\r\n\r\n`);
  const hints = await raw.response();
  assert.match(hints.startLine, /^HTTP\/1\.1 103 /);
  assert.deepEqual(valuesOf(hints.headers, 'link'), ['</style.css>; rel=preload']);
  assert.equal((await raw.response()).body.toString(), 'hinted\n');
}

async function earlyAnswer(t) {
  const file = t.file('body');
  writeFileSync(file, seededBytes('early', 20_000_000));
  const result = await curl(t, ['-H', 'Expect:', '--data-binary', `@${file}`, t.pair.url('/early')]);
  assert.equal(result.info.http_code, 413, `an answer that does not wait for the body: ${result.stderr}`);
  assert.equal(result.body.toString(), 'too large\n');
}

async function hopByHop(t) {
  const sent = ['Connection: close, X-Private', 'X-Private: 1', 'Keep-Alive: timeout=5', 'TE: trailers', 'X-Public: 2'];
  const result = await curl(t, [...sent.flatMap((line) => ['-H', line]), t.pair.url('/inspect')]);
  const { headers } = seen(result.body);
  assert.deepEqual(valuesOf(headers, 'x-private'), [], 'what Connection names stays on its connection');
  assert.deepEqual(valuesOf(headers, 'keep-alive'), []);
  assert.deepEqual(valuesOf(headers, 'x-public'), ['2']);
}

async function thousandAtOnce(t) {
  const seed = 20_240_607;
  const next = seededNumbers(seed);
  const bodies = Array.from({ length: 1_000 }, (_, i) => Buffer.concat([Buffer.from(`${i}:`), seededBytes(`${seed}-${i}`, next(16_384))]));
  const dispatcher = new UndiciAgent({ connections: null, pipelining: 1 });
  t.cleanup(() => dispatcher.destroy());
  const durations = [];
  const exchange = async (body) => {
    const sentAt = performance.now();
    try {
      const response = await undiciRequest(t.pair.url('/slow-echo?ms=300'), { method: 'POST', body, dispatcher });
      const received = Buffer.from(await response.body.arrayBuffer());
      durations.push(performance.now() - sentAt);
      return response.statusCode === 200 && received.equals(body) ? 'exact' : `status ${response.statusCode}: ${received.toString('latin1', 0, 120)}`;
    } catch (error) {
      return `${error.code}: ${error.message}`;
    }
  };
  assert.equal(await exchange(bodies[0]), 'exact');
  const one = durations.pop();
  await t.upstreams.http.ask('concurrency');
  const startedAt = performance.now();
  const outcomes = await Promise.all(bodies.map(exchange));
  const took = performance.now() - startedAt;
  const { most } = await t.upstreams.http.ask('concurrency');
  const p99 = percentile(durations, 0.99);
  t.figure(`seed ${seed}, all in ${ms(took)}, p99 ${ms(p99)} = ${(p99 / one).toFixed(1)} x one alone (${ms(one)}), ${most} at once at the upstream`);
  const wrong = outcomes.filter((outcome) => outcome !== 'exact');
  assert.equal(wrong.length, 0, `${wrong.length} of 1,000 were not exact, for one: ${wrong[0]}`);
}

export const checks = [
  check('get', get),
  check('head', head),
  check('without-body', withoutBody),
  check('chunked-upload', chunkedUpload),
  check('trailers', trailers),
  check('expect-continue', expectContinue),
  check('keep-alive', keepAlive),
  check('pipelined', pipelined),
  check('duplicate-headers', duplicateHeaders),
  check('header-bytes', headerBytes),
  check('hop-by-hop', hopByHop, { needsTunnel: true }),
  check('odd-targets', oddTargets),
  check('gzip-untouched', gzipUntouched),
  check('ended-by-close', endedByClose),
  check('early-hints', earlyHints),
  check('early-answer', earlyAnswer),
  check('thousand-at-once', thousandAtOnce),
];
