// Bodies: exact, at once, and in both directions at the same time.
import { createReadStream, writeFileSync } from 'node:fs';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { MIB, ms, seededBlocks, seededBytes, seededSha256, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { room } from '../lib/clients.mjs';
import { row } from '../lib/matrix.mjs';

const PATIENCE_MS = 10_000;

const reply = async (exchange) => {
  await exchange.body();
  exchange.answer();
};

function fileOf(t, bytes) {
  const file = t.file('body');
  writeFileSync(file, bytes);
  return file;
}

const lengths = async (t) => {
  t.serve(reply);
  for (const length of [1, 1_023, 65_535, 65_536, 3_000_017]) {
    await t.curl(['-H', 'Expect:', '--data-binary', `@${fileOf(t, seededBytes(length, length))}`, t.url(`/${length}`)]);
  }
};

async function chunkedUpload(t) {
  t.serve(reply);
  const input = createReadStream(fileOf(t, seededBytes('chunked', 1_000_003)));
  await t.curl(['-X', 'PUT', '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-T', '-', t.url('/chunked')], { input });
}

async function emptyChunkedUpload(t) {
  t.serve(reply);
  const raw = await t.connect();
  raw.write(`POST ${t.path('/empty')} HTTP/1.1\r\nHost: ${t.authority()}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
  t.noteRaw(await raw.response());
}

/** No length and no coding: there is no body. */
async function noFraming(t) {
  t.serve(reply);
  const raw = await t.connect();
  for (const method of ['POST', 'PUT', 'DELETE']) {
    raw.write(`${method} ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
    t.noteRaw(await raw.response());
  }
}

const download = (bytes, framing) => async (t) => {
  t.serve(async ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', ...(framing === 'length' && { 'Content-Length': bytes }) });
    for (const block of seededBlocks('download', bytes)) if (!response.write(block)) await room(response);
    response.end();
  });
  const result = await t.curl(['-H', 'Accept-Encoding: identity', t.url('/download')], { keepBody: false });
  t.note(`the body is ${result.sha256 === seededSha256('download', bytes) ? 'exact' : 'another'}`);
  t.remark(`${((bytes / MIB) / result.info.time_total).toFixed(0)} MiB/s`);
};

/** Without length and without chunks, the end of the connection ends the body. */
async function untilClose(t) {
  t.serveRaw(({ peer, socket }) => {
    peer.write('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n', seededBytes('until close', 300_000));
    socket.end();
  });
  await t.curl([t.url('', { service: 'raw' })]);
}

async function untilCloseHttp10(t) {
  t.serveRaw(({ peer, socket }) => {
    peer.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold server\n');
    socket.end();
  });
  await t.curl([t.url('', { service: 'raw' })]);
}

async function chunkExtensions(t) {
  t.serveRaw(({ peer }) => {
    peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\n00006;x="quoted ; \\" y"\r\n world\r\n000;last\r\n\r\n');
  });
  await t.curl([t.url('', { service: 'raw' })]);
}

/** Every byte in a packet of its own. */
async function byteByByte(t) {
  const bytes = 'HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\nX-Two: 2\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-End: 3\r\n\r\n';
  t.serveRaw(async ({ socket, note, peer }) => {
    note(`body ${await peer.bytes(11)}`);
    for (const byte of bytes) await new Promise((resolve) => socket.write(byte, resolve));
  });
  const raw = await t.connect('raw');
  const text = `POST ${t.path('', 'raw')} HTTP/1.1\r\nHost: ${t.authority()}\r\nContent-Length: 11\r\nTE: trailers\r\n\r\nhello world`;
  for (const byte of text) await new Promise((resolve) => raw.socket.write(byte, resolve));
  t.noteRaw(await raw.response());
}

const packed = (pack, coding) => async (t) => {
  const body = pack(Buffer.from('tunnel '.repeat(5_000)));
  t.serve(({ response }) => {
    response.writeHead(200, { 'Content-Encoding': coding, 'Content-Length': body.length, Vary: 'Accept-Encoding' }).end(body);
  });
  await t.curl(['-H', `Accept-Encoding: ${coding}`, t.url('/packed')]);
  await t.curl(['--compressed', t.url('/unpacked-by-curl')]);
};

async function packedUpload(t) {
  t.serve(reply);
  const file = fileOf(t, gzipSync(Buffer.from('upload '.repeat(5_000))));
  await t.curl(['-H', 'Content-Encoding: gzip', '-H', 'Content-Type: application/json', '--data-binary', `@${file}`, t.url('/packed')]);
}

async function form(t) {
  const boundary = /-{20,}[0-9a-f]+/g;
  t.transcript.name(boundary, 'BOUNDARY');
  t.serve(async (exchange) => {
    const chunks = [];
    for await (const chunk of exchange.request) chunks.push(chunk);
    const received = Buffer.concat(chunks).toString('latin1').replaceAll(boundary, 'BOUNDARY');
    exchange.note(`form of ${received.length} bytes, ${sha256(received).slice(0, 16)}`);
    exchange.answer();
  });
  const file = fileOf(t, seededBytes('form', 500_000));
  await t.curl(['-F', 'text=välue;type=text/plain', '-F', `file=@${file};filename="näme \\"x\\".bin"`, t.url('/form')]);
}

async function responseTrailers(t) {
  t.serve(({ response }) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'X-Checksum, X-Rows' });
    response.write('body\n');
    response.addTrailers([['X-Checksum', 'abc123'], ['X-Rows', '7'], ['Server-Timing', 'db;dur=1']]);
    response.end();
  });
  const raw = await t.connect();
  raw.write(`GET ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nTE: trailers\r\n\r\n`);
  t.noteRaw(await raw.response());
}

async function requestTrailers(t) {
  t.serve(reply);
  const raw = await t.connect();
  const head = `POST ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n`;
  raw.write(`${head}5\r\nhello\r\n0\r\nX-Sum: 42\r\nX-Sum: 43\r\nGrpc-Status: 0\r\n\r\n`);
  t.noteRaw(await raw.response());
}

/** The upstream writes the next piece when the client has the one before: whoever keeps a piece back stops both. */
const drip = (headers, pieces) => async (t) => {
  let arrived = () => {};
  t.serve(async (exchange) => {
    exchange.response.writeHead(200, headers);
    exchange.response.flushHeaders();
    for (const piece of pieces) {
      const here = new Promise((resolve) => (arrived = resolve));
      exchange.response.write(piece);
      await within(PATIENCE_MS, `the client to have ${JSON.stringify(piece)}`, here);
    }
    exchange.response.end();
  });
  const request = httpRequest(t.url('/drip'), { headers: { Accept: 'text/event-stream' } });
  t.cleanup(() => request.destroy());
  request.end();
  const [response] = await within(PATIENCE_MS, 'the head', once(request, 'response'));
  t.note(`status ${response.statusCode}, the head is there first`);
  let received = '';
  for (const piece of pieces) {
    while (received.length < piece.length) received += (await within(PATIENCE_MS, `piece ${JSON.stringify(piece)}`, nextChunk(response))).toString('latin1');
    t.note(`piece ${JSON.stringify(received)}`);
    received = '';
    arrived();
  }
  await within(PATIENCE_MS, 'the end', once(response.resume(), 'end'));
  t.note('end');
};

function nextChunk(stream) {
  const chunk = stream.read();
  return chunk === null ? once(stream, 'readable').then(() => nextChunk(stream)) : Promise.resolve(chunk);
}

const EVENTS = ['id: 1\ndata: one\n\n', ': comment\n\n', 'event: x\ndata: two\ndata: lines\n\n', 'retry: 5\n\n', 'data: last\n\n'];

/** The head alone, long before any byte of the body. */
async function headFirst(t) {
  let isSeen;
  const seen = new Promise((resolve) => (isSeen = resolve));
  t.serve(async ({ response }) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 5 });
    response.flushHeaders();
    await within(PATIENCE_MS, 'the client to see the head', seen);
    response.end('late\n');
  });
  const raw = await t.connect();
  raw.write(`GET ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
  const head = await raw.head();
  t.note(head.startLine.slice(0, 12));
  isSeen();
  t.note(`body ${await raw.bytes(5)}`);
}

/** The client sends the next piece when the upstream has the one before. */
const dripUp = (framing) => async (t) => {
  const pieces = ['one', 'two', 'three', 'four'];
  let arrived = () => {};
  t.serve(async (exchange) => {
    for await (const chunk of exchange.request) {
      exchange.note(`piece ${chunk}`);
      arrived();
    }
    exchange.answer();
  });
  const length = pieces.join('').length;
  const request = httpRequest(t.url('/drip'), { method: 'POST', headers: framing === 'length' ? { 'Content-Length': length } : { 'Transfer-Encoding': 'chunked' } });
  t.cleanup(() => request.destroy());
  for (const piece of pieces) {
    const here = new Promise((resolve) => (arrived = resolve));
    request.write(piece);
    await within(PATIENCE_MS, `the upstream to have ${piece}`, here);
  }
  request.end();
  const [response] = await within(PATIENCE_MS, 'an answer', once(request, 'response'));
  t.note(`status ${response.statusCode}`);
};

/** Each piece that goes up comes down before the next goes up. */
async function echoWhileUploading(t) {
  t.serve(async (exchange) => {
    exchange.response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    exchange.response.flushHeaders();
    for await (const chunk of exchange.request) exchange.response.write(chunk);
    exchange.response.end();
  });
  const request = httpRequest(t.url('/echo'), { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } });
  t.cleanup(() => request.destroy());
  request.flushHeaders();
  const [response] = await within(PATIENCE_MS, 'the head of the answer, before the body has begun', once(request, 'response'));
  t.note(`status ${response.statusCode} before any of the body`);
  for (let i = 0; i < 5; i++) {
    request.write(`piece ${i}`);
    let received = '';
    while (received.length < 7) received += await within(PATIENCE_MS, `piece ${i}`, nextChunk(response));
    t.note(`back: ${received}`);
  }
  request.end();
  await within(PATIENCE_MS, 'the end', once(response.resume(), 'end'));
  t.note('end');
}

async function bulkEcho(t) {
  const bytes = 24 * MIB;
  t.serve(async ({ request, response }) => {
    response.writeHead(200, { 'Content-Length': bytes });
    for await (const chunk of request) if (!response.write(chunk)) await room(response);
    response.end();
  });
  const file = fileOf(t, seededBytes('bulk', bytes));
  await t.curl(['-H', 'Expect:', '--data-binary', `@${file}`, t.url('/bulk')], { keepBody: false });
}

async function largeUpload(t) {
  const bytes = 64 * MIB;
  t.serve(reply);
  const startedAt = performance.now();
  await t.curl(['-H', 'Expect:', '-T', fileOf(t, seededBytes('large', bytes)), t.url('/large')]);
  t.remark(`64 MiB in ${ms(performance.now() - startedAt)}`);
}

/** The answer is there long before the upload would be. */
const earlyAnswer = (status, headers) => async (t) => {
  t.serve((exchange) => {
    exchange.mayEndOpen = true;
    exchange.answer('early\n', { status, headers });
  });
  const file = fileOf(t, seededBytes('early', 40_000_000));
  const result = await t.curl(['-H', 'Expect:', '--data-binary', `@${file}`, t.url('/early')]);
  t.remark(`curl had sent ${result.info.size_upload} bytes`);
};

/** Answers while the upload still runs, and goes on taking it. */
async function answerWhileUploading(t) {
  t.serve(async (exchange) => {
    exchange.answer('taken, go on\n');
    await exchange.body();
  });
  const request = httpRequest(t.url('/going-on'), { method: 'POST', headers: { 'Content-Length': 1_000_000 } });
  t.cleanup(() => request.destroy());
  const body = seededBytes('going on', 1_000_000);
  request.write(body.subarray(0, 1_000));
  const [response] = await within(PATIENCE_MS, 'the answer', once(request, 'response'));
  t.note(`status ${response.statusCode} after a thousandth of the body`);
  await within(PATIENCE_MS, 'the end of the answer', once(response.resume(), 'end'));
  request.end(body.subarray(1_000));
  await within(PATIENCE_MS, 'the rest to go out', once(request, 'finish'));
}

export const rows = [
  row('upload-by-length', lengths),
  row('upload-chunked', chunkedUpload),
  row('upload-chunked-empty', emptyChunkedUpload),
  row('upload-without-framing', noFraming),
  row('upload-64-mib', largeUpload, { timeoutMs: 120_000 }),
  row('upload-packed', packedUpload),
  row('upload-form', form),
  row('upload-drips-by-length', dripUp('length')),
  row('upload-drips-chunked', dripUp('chunked')),
  row('upload-refused-early-413', earlyAnswer(413, { Connection: 'close' })),
  row('upload-answered-early-200', earlyAnswer(200, {})),
  row('upload-goes-on-behind-answer', answerWhileUploading),
  row('download-64-mib-by-length', download(64 * MIB, 'length'), { timeoutMs: 120_000 }),
  row('download-64-mib-chunked', download(64 * MIB, 'chunked'), { timeoutMs: 120_000 }),
  row('download-until-close', untilClose),
  row('download-from-http10-server', untilCloseHttp10),
  row('chunk-extensions', chunkExtensions),
  row('byte-by-byte', byteByByte),
  row('gzip-untouched', packed(gzipSync, 'gzip')),
  row('brotli-untouched', packed(brotliCompressSync, 'br')),
  row('deflate-untouched', packed(deflateSync, 'deflate')),
  row('trailers-of-response', responseTrailers),
  row('trailers-of-request', requestTrailers),
  row('events-one-by-one', drip({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' }, EVENTS)),
  row('pieces-one-by-one-chunked', drip({ 'Content-Type': 'text/plain' }, ['a', 'bc', 'def'])),
  row('pieces-one-by-one-by-length', drip({ 'Content-Type': 'text/plain', 'Content-Length': 6 }, ['a', 'bc', 'def'])),
  row('head-before-body', headFirst),
  row('echo-while-uploading', echoWhileUploading),
  row('echo-24-mib', bulkEcho, { timeoutMs: 120_000 }),
];
