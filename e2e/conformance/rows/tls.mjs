// HTTP/1.1 and WebSockets through TLS, which has its own way of ending.
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect as tlsConnect } from 'node:tls';
import { request as httpsRequest } from 'node:https';
import { WebSocket, WebSocketServer } from 'ws';
import { MIB, seededBlocks, seededBytes, sha256 } from '../../lib/data.mjs';
import { RawClient } from '../../lib/raw.mjs';
import { within } from '../../lib/wait.mjs';
import { room } from '../lib/clients.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, { needs = [], ...options } = {}) => anyRow(name, run, { needs: ['tls', ...needs], ...options });

const secure = { front: 'tls' };
/** curl, that trusts the certificate of these fronts alone, and speaks 1.1. */
const curl = (t, ...args) => t.curl(['--cacert', t.files.cert, '--http1.1', ...args]);

const reply = async (exchange) => {
  await exchange.body();
  exchange.answer();
};

async function get(t) {
  t.serve(reply);
  await curl(t, t.url('/secure?x=%2F', secure));
}

async function protocolChosen(t) {
  const { port } = t.address('web', 'tls');
  for (const offered of [['http/1.1'], undefined]) {
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(t.files.cert), ALPNProtocols: offered });
    t.cleanup(() => socket.destroy());
    await within(PATIENCE_MS, 'the handshake', once(socket, 'secureConnect'));
    t.note(`offered ${offered ?? 'nothing'}: ${socket.alpnProtocol}`);
    t.remark(`${socket.getProtocol()} ${socket.getCipher().name}`);
  }
}

async function versions(t) {
  const { port } = t.address('web', 'tls');
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(t.files.cert), minVersion: version, maxVersion: version });
    t.cleanup(() => socket.destroy());
    await within(PATIENCE_MS, 'the handshake', once(socket, 'secureConnect'));
    t.note(`${version}: ${socket.getProtocol()}`);
  }
}

async function resumed(t) {
  t.serve((exchange) => exchange.answer());
  const options = { agent: false, ca: readFileSync(t.files.cert), maxVersion: 'TLSv1.2', servername: 'localhost' };
  let session;
  for (let i = 0; i < 2; i++) {
    const request = httpsRequest(t.url('/resumed', secure), { ...options, session });
    t.cleanup(() => request.destroy());
    request.end();
    const [response] = await within(PATIENCE_MS, 'an answer', once(request, 'response'));
    await once(response.resume(), 'end');
    t.note(`status ${response.statusCode}`);
    t.remark(`session reused: ${response.socket.isSessionReused()}`);
    session = response.socket.getSession();
  }
}

async function kept(t) {
  t.serve(reply);
  const urls = Array.from({ length: 5 }, (_, i) => t.url(`/${i}`, secure));
  const result = await curl(t, '-w', '%{stderr}connects=%{num_connects} ', ...urls);
  t.note(`new connections ${result.stderr.match(/connects=\d+/g).join(' ')}`);
}

async function uploads(t) {
  t.serve(reply);
  const file = t.file('body');
  writeFileSync(file, seededBytes('secure up', 8 * MIB));
  await curl(t, '-H', 'Expect:', '--data-binary', `@${file}`, t.url('/length', secure));
  await t.curl(['--cacert', t.files.cert, '--http1.1', '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-T', '-', t.url('/chunked', secure)], { input: createReadStream(file) });
}

const download = (framing) => async (t) => {
  const bytes = 32 * MIB;
  t.serve(async ({ response }) => {
    response.writeHead(200, framing === 'length' ? { 'Content-Length': bytes } : {});
    for (const block of seededBlocks('secure', bytes)) if (!response.write(block)) await room(response);
    response.end();
  });
  const result = await t.curl(['--cacert', t.files.cert, '--http1.1', t.url('/download', secure)], { keepBody: false });
  t.remark(`${(bytes / MIB / result.info.time_total).toFixed(0)} MiB/s`);
};

async function expect(t) {
  t.serve(async (exchange) => {
    if (exchange.expectation) exchange.response.writeContinue();
    await exchange.body();
    exchange.answer();
  });
  await curl(t, '-H', 'Expect: 100-continue', '--expect100-timeout', '20', '--data', 'with leave', t.url('/expect', secure));
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
  const request = httpsRequest(t.url('/events', secure), { ca: readFileSync(t.files.cert) });
  t.cleanup(() => request.destroy());
  request.end();
  const [response] = await within(PATIENCE_MS, 'the head', once(request, 'response'));
  const ended = once(response, 'end');
  response.setEncoding('utf8').on('data', (text) => {
    t.note(JSON.stringify(text));
    arrived();
  });
  await within(PATIENCE_MS, 'the end', ended);
}

/** A body that ends with its connection is whole only if TLS says so. */
const diesInBody = (framing) => async (t) => {
  t.serve(async (exchange) => {
    exchange.response.writeHead(200, framing === 'length' ? { 'Content-Length': 1_000 } : {});
    await exchange.write('the beginning');
    exchange.request.socket.destroy();
  });
  await curl(t, t.url('/dies', secure));
};

async function clientGoes(t) {
  t.serve(async (exchange) => {
    exchange.response.writeHead(200);
    exchange.response.write('begun');
    await exchange.closed;
  });
  const request = httpsRequest(t.url('/goes', secure), { ca: readFileSync(t.files.cert) });
  request.on('error', () => {});
  request.end();
  const [response] = await within(PATIENCE_MS, 'the head', once(request, 'response'));
  response.on('error', () => {});
  await within(PATIENCE_MS, 'the body', once(response, 'readable'));
  request.destroy();
  await t.settled();
}

async function forwardedProto(t) {
  t.serve((exchange) => {
    exchange.note(`by ${exchange.request.headers['x-forwarded-proto'] ?? 'https'}`);
    exchange.answer();
  });
  await curl(t, t.url('/proto', secure));
}

/** Records of TLS cut at odd places. */
async function pipelined(t) {
  t.serve(async (exchange) => exchange.answer(exchange.request.url.split('/').at(-1)));
  const { port } = t.address('web', 'tls');
  const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(t.files.cert) });
  t.cleanup(() => socket.destroy());
  const raw = new RawClient(socket);
  await within(PATIENCE_MS, 'the handshake', once(socket, 'secureConnect'));
  const text = Array.from({ length: 10 }, (_, i) => `GET ${t.path(`/${i}`)} HTTP/1.1\r\nHost: ${t.authority('web', 'tls')}\r\n\r\n`).join('');
  for (let i = 0; i < text.length; i += 37) await new Promise((resolve) => socket.write(text.slice(i, i + 37), resolve));
  for (let i = 0; i < 10; i++) t.noteRaw(await raw.response());
}

function serveWebSockets(t, options) {
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 * MIB, ...options });
  const closes = [];
  t.serveUpgrade(({ request, socket, early, note }) => {
    server.handleUpgrade(request, socket, early, (webSocket) => {
      webSocket.on('message', (data, binary) => webSocket.send(data, { binary }));
      closes.push(once(webSocket, 'close').then(([code, reason]) => note(`close ${code} ${reason}`)));
    });
  });
  return () => within(PATIENCE_MS, 'the upstream to see the close', Promise.all(closes));
}

const webSocket = (client, server) => async (t) => {
  const allClosed = serveWebSockets(t, { perMessageDeflate: server });
  const socket = new WebSocket(t.url('/wss', { ...secure, scheme: 'wss' }), { ca: readFileSync(t.files.cert), perMessageDeflate: client, maxPayload: 64 * MIB });
  t.cleanup(() => socket.terminate());
  await within(PATIENCE_MS, 'the WebSocket to open', once(socket, 'open'));
  t.note(`open, extensions ${socket.extensions}`);
  for (const message of ['text', seededBytes('wss', 100_000), 'repeated '.repeat(50_000), seededBytes('wss large', 8 * MIB)]) {
    const back = once(socket, 'message');
    socket.send(message);
    const [data, isBinary] = await within(PATIENCE_MS, 'the echo', back);
    t.note(`${isBinary ? 'binary' : 'text'} ${sha256(data)}`);
  }
  const closed = once(socket, 'close');
  socket.close(4001, 'bye');
  const [code, reason] = await within(PATIENCE_MS, 'the close', closed);
  t.note(`close ${code} ${reason}`);
  await allClosed();
};

export const rows = [
  row('get', get),
  row('protocol-chosen', protocolChosen),
  row('versions', versions),
  row('session-resumed', resumed),
  row('kept', kept),
  row('uploads', uploads),
  row('download-by-length', download('length')),
  row('download-chunked', download('chunked')),
  row('expect', expect),
  row('events-one-by-one', eventsOneByOne),
  row('upstream-dies-in-body-by-length', diesInBody('length')),
  row('upstream-dies-in-body-chunked', diesInBody('chunked')),
  row('client-goes', clientGoes),
  row('forwarded-proto', forwardedProto),
  row('pipelined-in-odd-records', pipelined),
  row('websocket', webSocket(false, false), { webSocket: true }),
  row('websocket-deflate', webSocket({ threshold: 0 }, { threshold: 0 }), { webSocket: true }),
];
