// HTTP/2 at the front: curl, undici and Node's own client.
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { Agent, request as undiciRequest } from 'undici';
import { curl as plainCurl } from '../../lib/curl.mjs';
import { MIB, ms, percentile, seededBlocks, seededBytes, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { room } from '../lib/clients.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, { needs = ['h2'], ...options } = {}) => anyRow(name, run, { needs, http2: true, ...options });

const secure = { front: 'tls' };
const curl = (t, args, options) => t.curl(['--cacert', t.files.cert, '--http2', ...args], options);

const reply = async (exchange) => {
  await exchange.body();
  exchange.answer();
};

/** A session of Node's client, over TLS. */
async function session(t, options) {
  const client = connect(`https://${t.authority('web', 'tls')}`, { ca: readFileSync(t.files.cert), ...options });
  t.cleanup(() => client.destroy());
  client.on('error', () => {}); // what becomes of its streams is noted
  await within(PATIENCE_MS, 'a session', once(client, 'connect'));
  return client;
}

/** Opens a stream and notes its answer as it comes; `ended` resolves with the body when it is over, however. */
function open(t, client, headers, { note = (text) => t.note(text), ...options } = {}) {
  const stream = client.request({ ':path': t.path(), ...headers }, options);
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('headers', (informing) => note(`first ${informing[':status']}`));
  stream.on('trailers', (trailers) => note(`trailers ${JSON.stringify(trailers)}`));
  stream.answered = new Promise((resolve) => stream.once('response', (head) => resolve(head)));
  stream.on('error', () => {});
  stream.ended = new Promise((resolve) => stream.once('close', () => resolve(Buffer.concat(chunks))));
  return stream;
}

async function noteStream(t, stream, note = (text) => t.note(text)) {
  const head = await within(PATIENCE_MS, 'an answer', stream.answered);
  note(`status ${head[':status']}`);
  const body = await within(PATIENCE_MS, 'the end', stream.ended);
  note(`body of ${body.length} bytes, sha256 ${sha256(body).slice(0, 16)}`);
  note(stream.rstCode === constants.NGHTTP2_NO_ERROR ? 'complete' : 'broken off');
  if (stream.rstCode !== 0) t.remark(`reset with ${stream.rstCode}`);
  return body;
}

async function get(t) {
  t.serve(reply);
  const result = await curl(t, [t.url('/h2?x=%2F&y[]=1', secure)]);
  t.note(`HTTP/${result.info.http_version}`);
}

const methods = (names, args) => async (t) => {
  t.serve(reply);
  for (const name of names) await curl(t, ['-X', name, ...args, t.url(`/${name}`, secure)]);
};

async function heads(t) {
  t.serve((exchange) => {
    if (exchange.request.url.endsWith('/204')) exchange.response.writeHead(204, { 'X-Seen': 'yes' }).end();
    else if (exchange.request.url.endsWith('/304')) exchange.response.writeHead(304, { ETag: '"x"' }).end();
    else exchange.answer();
  });
  await curl(t, ['--head', '-o', '/dev/null', t.url('/head', secure)]);
  await curl(t, [t.url('/204', secure)]);
  await curl(t, [t.url('/304', secure)]);
}

async function fields(t) {
  t.serve(({ response }) => {
    response.setHeader('set-cookie', ['a=1; Path=/', 'b=2', 'c="x, y"']);
    response.setHeader('x-many', ['one', 'two, three']);
    response.setHeader('link', '<a>; rel=x');
    response.writeHead(200, { 'content-length': 0 });
    response.end();
  });
  await curl(t, ['-H', 'X-Dup: 1', '-H', 'X-Dup: 2,3', '-H', 'X-Empty;', '-H', 'X-Long: ' + 'v'.repeat(7_000), t.url('/fields', secure)]);
}

/** HTTP/2 may send a cookie in crumbs; a server of HTTP/1.1 expects one field (RFC 9113, 8.2.3). */
async function cookieCrumbs(t) {
  t.serve((exchange) => {
    t.note(`the upstream: cookie ${exchange.request.headers.cookie}`);
    exchange.answer();
  });
  const client = await session(t);
  await noteStream(t, open(t, client, { cookie: ['a=1', 'b=2; c=3', 'd=4'] }, { endStream: true }));
}

async function targets(t) {
  t.serve(reply);
  for (const rest of ['//', '/a/../b', '/%2F%2e', '?', '?a?b', ';x=y', '/[x]?y={z}|']) await curl(t, ['--path-as-is', '-g', t.url(rest, secure)]);
}

async function uploads(t) {
  t.serve(reply);
  const file = t.file('body');
  writeFileSync(file, seededBytes('h2 up', 8 * MIB));
  await curl(t, ['--data-binary', `@${file}`, t.url('/known', secure)]);
  await curl(t, ['-T', '-', t.url('/unknown', secure)], { input: createReadStream(file) });
  await curl(t, ['--data', '', t.url('/empty', secure)]);
}

async function downloads(t) {
  const bytes = 32 * MIB;
  t.serve(async ({ request, response }) => {
    response.writeHead(200, request.url.endsWith('/length') ? { 'Content-Length': bytes } : {});
    for (const block of seededBlocks('h2 down', bytes)) if (!response.write(block)) await room(response);
    response.end();
  });
  for (const framing of ['length', 'open']) {
    const result = await curl(t, [t.url(`/${framing}`, secure)], { keepBody: false });
    t.remark(`${framing}: ${(bytes / MIB / result.info.time_total).toFixed(0)} MiB/s`);
  }
}

async function expect(t) {
  t.serve(async (exchange) => {
    if (exchange.expectation) exchange.response.writeContinue();
    await exchange.body();
    exchange.answer();
  });
  const client = await session(t);
  const stream = open(t, client, { ':method': 'POST', expect: '100-continue' });
  await within(PATIENCE_MS, 'leave', once(stream, 'continue'));
  t.note('has leave');
  stream.end('with leave');
  await noteStream(t, stream);
}

async function earlyHints(t) {
  t.serve((exchange) => {
    exchange.response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    exchange.answer();
  });
  await curl(t, [t.url('/hints', secure)]);
}

async function trailers(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    exchange.response.writeHead(200);
    exchange.response.write('body');
    exchange.response.addTrailers({ 'x-checksum': 'abc', 'x-rows': '7' });
    exchange.response.end();
  });
  const client = await session(t);
  const stream = open(t, client, { ':method': 'POST', te: 'trailers', trailer: 'x-sum' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
  stream.end('hello');
  await noteStream(t, stream);
}

async function parallel(t) {
  const count = 100;
  t.serve(async ({ request, response }) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(Buffer.concat(chunks));
  });
  const client = await session(t);
  const startedAt = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const body = seededBytes(`parallel ${i}`, i * 1_000);
      const stream = open(t, client, { ':method': 'POST', ':path': t.path(`/${i}`) });
      stream.end(body);
      return (await within(PATIENCE_MS, 'the end', stream.ended)).equals(body);
    }),
  );
  t.note(`${outcomes.filter(Boolean).length} of ${count} exact, over one connection`);
  t.remark(ms(performance.now() - startedAt));
}

/**
 * As many requests in a row and at once as would show a leak of streams or of credit. A server may say that a connection has served enough; what
 * it has taken by then it answers.
 */
async function twoThousand(t) {
  t.serve((exchange) => exchange.answer('x'.repeat(5_000)));
  let client = await session(t);
  let sessions = 1;
  let isGoing = false;
  client.on('goaway', () => (isGoing = true));
  let exact = 0;
  const took = [];
  for (let i = 0; i < 20; i++) {
    if (isGoing) {
      client = await session(t);
      sessions++;
      isGoing = false;
      client.on('goaway', () => (isGoing = true));
    }
    await Promise.all(Array.from({ length: 100 }, async () => {
      const startedAt = performance.now();
      const body = await within(PATIENCE_MS, 'the end', open(t, client, {}, { endStream: true }).ended);
      took.push(performance.now() - startedAt);
      if (body.length === 5_000) exact++;
    }));
  }
  t.note(`${exact} exact`);
  t.remark(`over ${sessions} connections, p50 ${ms(percentile(took, 0.5))}, p99 ${ms(percentile(took, 0.99))}`);
}

/** A stream whose client reads nothing must not hold up the others of its connection. */
async function stalledStream(t) {
  t.serve(async ({ request, response }) => {
    if (!request.url.endsWith('/large')) {
      response.end('quick');
      return;
    }
    response.writeHead(200);
    for (const block of seededBlocks('stalled', 8 * MIB)) {
      if (!response.write(block)) await room(response);
      if (response.destroyed) return;
    }
    response.end();
  });
  const client = await session(t);
  const large = client.request({ ':path': t.path('/large') });
  large.on('error', () => {});
  await within(PATIENCE_MS, 'the head', once(large, 'response'));
  let exact = 0;
  for (let i = 0; i < 30; i++) if ((await within(PATIENCE_MS, 'a quick answer', open(t, client, {}, { endStream: true }).ended)).toString() === 'quick') exact++;
  t.note(`${exact} quick answers beside it`);
  const chunks = [];
  for await (const chunk of large) chunks.push(chunk);
  t.note(`and then all: ${sha256(Buffer.concat(chunks))}`);
}

async function eventsOneByOne(t) {
  let arrived = () => {};
  t.serve(async (exchange) => {
    exchange.response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (let i = 0; i < 4; i++) {
      const here = new Promise((resolve) => (arrived = resolve));
      exchange.response.write(`data: ${i}\n\n`);
      await within(PATIENCE_MS, 'the client to have it', here);
    }
    exchange.response.end();
  });
  const client = await session(t);
  const stream = client.request({ ':path': t.path('/events') });
  stream.setEncoding('utf8').on('data', (text) => {
    t.note(JSON.stringify(text));
    arrived();
  });
  await within(PATIENCE_MS, 'the end', once(stream, 'end'));
}

async function echoWhileUploading(t) {
  t.serve(async (exchange) => {
    exchange.response.writeHead(200);
    exchange.response.flushHeaders();
    for await (const chunk of exchange.request) exchange.response.write(chunk);
    exchange.response.end();
  });
  const client = await session(t);
  const stream = client.request({ ':method': 'POST', ':path': t.path('/echo') });
  t.cleanup(() => stream.destroy());
  const head = await within(PATIENCE_MS, 'the head before the body', once(stream, 'response'));
  t.note(`status ${head[0][':status']}`);
  for (let i = 0; i < 5; i++) {
    const back = once(stream, 'data');
    stream.write(`piece ${i}`);
    t.note(`back ${(await within(PATIENCE_MS, 'a piece', back))[0]}`);
  }
  stream.end();
  await within(PATIENCE_MS, 'the end', once(stream.resume(), 'end'));
}

/** The upstream's answer breaks off: the stream does, and its connection goes on. */
async function upstreamDies(t) {
  t.serve(async (exchange) => {
    if (exchange.request.url.endsWith('/good')) {
      exchange.answer();
      return;
    }
    exchange.response.writeHead(200);
    await exchange.write('the beginning');
    if (exchange.request.httpVersionMajor === 2) exchange.response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else exchange.request.socket.destroy();
  });
  const client = await session(t);
  await noteStream(t, open(t, client, {}, { endStream: true }));
  await noteStream(t, open(t, client, { ':path': t.path('/good') }, { endStream: true }));
  const result = await plainCurl(t, ['--cacert', t.files.cert, '--http2', t.url('/again', secure)]);
  t.note(result.code === 0 ? 'curl takes it for whole' : 'curl fails');
}

const clientResets = (when) => async (t) => {
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  t.serve(async (exchange) => {
    if (exchange.request.url.endsWith('/good')) {
      exchange.answer();
      return;
    }
    if (when === 'download') {
      exchange.response.writeHead(200);
      exchange.response.write('begun');
    }
    // Node's client may end an upload before it resets it.
    exchange.mayEndOpen = when === 'upload';
    if (when === 'upload') exchange.request.once('data', begun);
    else begun();
    await exchange.closed;
  });
  const client = await session(t);
  const stream = client.request({ ':path': t.path('/reset'), ':method': when === 'upload' ? 'POST' : 'GET' });
  stream.on('error', () => {});
  if (when === 'upload') stream.write('some');
  await within(PATIENCE_MS, 'the upstream to have it', isBegun);
  if (when === 'download') await within(PATIENCE_MS, 'the beginning', once(stream, 'data'));
  stream.close(constants.NGHTTP2_CANCEL);
  await t.settled();
  await noteStream(t, open(t, client, { ':path': t.path('/good') }, { endStream: true }));
};

/** All streams of a connection that is gone are gone. */
async function connectionGone(t) {
  let begun = 0;
  let all;
  const allBegun = new Promise((resolve) => (all = resolve));
  const closed = [];
  t.serve(async (exchange) => {
    exchange.response.writeHead(200);
    exchange.response.write('begun');
    closed.push(exchange.closed);
    if (++begun === 10) all();
  });
  const client = await session(t);
  for (let i = 0; i < 10; i++) client.request({ ':path': t.path(`/${i}`) }).on('error', () => {});
  await within(PATIENCE_MS, 'all to begin', allBegun);
  client.destroy();
  await within(PATIENCE_MS, 'the upstream to see it', Promise.all(closed));
  t.note('the upstream has seen all of them end');
}

async function refused(t) {
  t.serve(async (exchange) => {
    exchange.mayEndOpen = true;
    exchange.answer('too large\n', { status: 413 });
  });
  const client = await session(t);
  const stream = open(t, client, { ':method': 'POST' });
  stream.write(seededBytes('refused', 10_000));
  const head = await within(PATIENCE_MS, 'an answer', stream.answered);
  t.note(`status ${head[':status']}`);
  stream.close(constants.NGHTTP2_CANCEL);
  await noteStream(t, open(t, client, {}, { endStream: true }));
}

async function withUndici(t) {
  t.serve(async ({ request, response }) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(Buffer.concat(chunks));
  });
  const dispatcher = new Agent({ allowH2: true, connect: { ca: readFileSync(t.files.cert) } });
  t.cleanup(() => dispatcher.destroy());
  const outcomes = await Promise.all(Array.from({ length: 30 }, async (_, i) => {
    const body = `undici ${i} `.repeat(i * 10);
    const response = await undiciRequest(t.url(`/${i}`, secure), { dispatcher, method: 'POST', body });
    return (await response.body.text()) === body;
  }));
  t.note(`${outcomes.filter(Boolean).length} of 30 exact`);
}

async function manyInCurl(t) {
  t.serve(reply);
  const urls = Array.from({ length: 40 }, (_, i) => t.url(`/${i}`, secure)).flatMap((url) => ['-o', '/dev/null', url]);
  const result = await curl(t, ['-Z', '--parallel-max', '40', '-w', '%{stderr}status=%{http_code} ', ...urls]);
  t.note(`${result.stderr.match(/status=200/g).length} answered`);
}

async function ping(t) {
  const client = await session(t);
  const [, payload] = await within(PATIENCE_MS, 'a pong', new Promise((resolve, reject) => {
    client.ping(Buffer.from('12345678'), (error, ...pong) => (error ? reject(error) : resolve(pong)));
  }));
  t.note(`pong ${payload}`);
}

async function priorKnowledge(t) {
  t.serve(reply);
  const clear = { front: 'h2c' };
  for (const args of [[], ['--data', 'some text'], ['-X', 'DELETE']]) {
    const result = await t.curl(['--http2-prior-knowledge', ...args, t.url('/h2c', clear)]);
    t.note(`HTTP/${result.info.http_version}`);
  }
}

async function priorKnowledgeLarge(t) {
  t.serve(async ({ request, response }) => {
    response.writeHead(200);
    for await (const chunk of request) if (!response.write(chunk)) await room(response);
    response.end();
  });
  const file = t.file('body');
  writeFileSync(file, seededBytes('h2c', 8 * MIB));
  await t.curl(['--http2-prior-knowledge', '--data-binary', `@${file}`, t.url('/large', { front: 'h2c' })], { keepBody: false });
}

export const rows = [
  row('get', get),
  row('methods', methods(['GET', 'DELETE', 'OPTIONS', 'PROPFIND'], [])),
  row('methods-with-body', methods(['POST', 'PUT', 'PATCH', 'DELETE'], ['--data', 'a body'])),
  row('no-body-head-204-304', heads),
  row('fields', fields),
  row('cookie-crumbs', cookieCrumbs, { quiet: true }),
  row('targets', targets),
  row('uploads', uploads),
  row('downloads', downloads),
  row('upload-refused-early', refused),
  row('expect', expect),
  row('early-hints', earlyHints),
  row('trailers-both-ways', trailers),
  row('hundred-streams', parallel, { quiet: true }),
  row('two-thousand-streams', twoThousand, { quiet: true, timeoutMs: 60_000 }),
  row('curl-parallel', manyInCurl, { quiet: true }),
  row('undici-over-h2', withUndici, { quiet: true }),
  row('stalled-stream', stalledStream, { quiet: true }),
  row('events-one-by-one', eventsOneByOne),
  row('echo-while-uploading', echoWhileUploading),
  row('upstream-dies-in-body', upstreamDies),
  row('client-resets-while-waiting', clientResets('waiting')),
  row('client-resets-in-download', clientResets('download')),
  row('client-resets-in-upload', clientResets('upload')),
  row('connection-gone', connectionGone, { quiet: true }),
  row('ping', ping),
  row('prior-knowledge', priorKnowledge, { needs: ['h2c'] }),
  row('prior-knowledge-large', priorKnowledgeLarge, { needs: ['h2c'], quiet: true }),
];
