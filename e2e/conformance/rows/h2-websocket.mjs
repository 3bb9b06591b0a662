// WebSockets over HTTP/2 (RFC 8441): a stream in place of a connection. Node's HTTP/2 client carries `ws`.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { WebSocket, WebSocketServer } from 'ws';
import { MIB, seededBytes, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, options) => anyRow(name, run, { needs: ['h2-websocket'], http2: true, webSocket: true, ...options });

/** Makes a stream look enough like a socket for `ws`. */
function adopt(stream, isServer, options = {}) {
  const socket = new WebSocket(null, undefined, { perMessageDeflate: false, autoPong: true, closeTimeout: PATIENCE_MS });
  socket._isServer = isServer;
  stream.setNoDelay ??= () => {};
  socket.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 64 * MIB, skipUTF8Validation: false, ...options });
  return socket;
}

/** Takes this cell's WebSockets, be they upgrades of HTTP/1.1 or CONNECTs of HTTP/2. */
function serve(t, behave, { refuse } = {}) {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * MIB, handleProtocols: (offered) => [...offered].at(-1) });
  const closes = [];
  const take = (socket, note) => {
    closes.push(once(socket, 'close').then(([code, reason]) => note(`close ${code} ${reason}`)));
    socket.on('error', () => {});
    behave(socket, note);
  };
  t.serveUpgrade(({ request, socket, early, note }) => {
    if (refuse) socket.end(`HTTP/1.1 403 Forbidden\r\nX-Reason: because\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`);
    else server.handleUpgrade(request, socket, early, (webSocket) => take(webSocket, note));
  });
  t.serveConnect(({ stream, headers, note }) => {
    if (refuse) {
      stream.respond({ ':status': 403, 'x-reason': 'because', 'content-length': '2' });
      stream.end('no');
      return;
    }
    const offered = headers['sec-websocket-protocol']?.split(', ').at(-1);
    stream.respond({ ':status': 200, ...(offered && { 'sec-websocket-protocol': offered }) });
    take(adopt(stream, true), note);
  });
  t.allClosed = () => within(PATIENCE_MS, 'the upstream to see the close', Promise.all(closes));
}

async function session(t) {
  const client = connect(`https://${t.authority('web', 'tls')}`, { ca: readFileSync(t.files.cert) });
  t.cleanup(() => client.destroy());
  client.on('error', () => {});
  const [settings] = await within(PATIENCE_MS, 'the settings', once(client, 'remoteSettings'));
  t.note(`CONNECT with a protocol allowed: ${settings.enableConnectProtocol}`);
  return client;
}

/** Opens a WebSocket on a stream of its own. */
async function open(t, client, headers = {}) {
  const stream = client.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':path': t.path('/ws'),
    ':authority': t.authority('web', 'tls'),
    'sec-websocket-version': '13',
    ...headers,
  });
  stream.on('error', () => {});
  const [head] = await within(PATIENCE_MS, 'an answer', once(stream, 'response'));
  t.note(`status ${head[':status']}, subprotocol ${head['sec-websocket-protocol'] ?? 'none'}`);
  t.note(`accept ${head['sec-websocket-accept'] ?? 'none'}`);
  if (head[':status'] !== 200) return { stream, head };
  const socket = adopt(stream, false);
  socket.on('error', () => {});
  return { stream, head, socket };
}

const echoes = (socket) => socket.on('message', (data, binary) => socket.send(data, { binary }));

async function close(t, socket, ...how) {
  const closed = once(socket, 'close');
  socket.close(...how);
  const [code, reason] = await within(PATIENCE_MS, 'the close', closed);
  t.note(`close ${code} ${reason}`);
  await t.allClosed();
}

async function echo(t) {
  serve(t, echoes);
  const { socket } = await open(t, await session(t));
  for (const message of ['', 'text ä', 'x'.repeat(126), seededBytes('h2 ws', 70_000), seededBytes('h2 ws large', 4 * MIB)]) {
    const back = once(socket, 'message');
    socket.send(message);
    const [data, isBinary] = await within(PATIENCE_MS, 'the echo', back);
    t.note(`${isBinary ? 'binary' : 'text'} ${sha256(data)}`);
  }
  await close(t, socket, 4001, 'bye');
}

async function beside(t) {
  serve(t, echoes);
  t.serve((exchange) => exchange.answer('beside\n'));
  const client = await session(t);
  const sockets = await Promise.all([0, 1, 2].map(() => open(t, client)));
  const stream = client.request({ ':path': t.path('/plain') });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  t.note(`beside them: ${Buffer.concat(chunks)}`);
  for (const [i, { socket }] of sockets.entries()) {
    const back = once(socket, 'message');
    socket.send(`to ${i}`);
    t.note(`echo ${(await within(PATIENCE_MS, 'the echo', back))[0]}`);
  }
  for (const { socket } of sockets) socket.close(1000);
  await t.allClosed();
}

async function subprotocol(t) {
  serve(t, echoes);
  const { socket } = await open(t, await session(t), { 'sec-websocket-protocol': 'chat.v1, chat.v2' });
  await close(t, socket, 1000);
}

async function closedByServer(t) {
  serve(t, (socket) => socket.once('message', () => socket.close(4321, 'bye-ü')));
  const { socket } = await open(t, await session(t));
  const closed = once(socket, 'close');
  socket.send('close, please');
  const [code, reason] = await within(PATIENCE_MS, 'the close', closed);
  t.note(`close ${code} ${reason}`);
  await t.allClosed();
}

async function pings(t) {
  serve(t, (socket) => socket.on('message', () => socket.ping('from the server')));
  const { socket } = await open(t, await session(t));
  const ponged = once(socket, 'pong');
  socket.ping('from the client');
  t.note(`pong ${(await within(PATIENCE_MS, 'a pong', ponged))[0]}`);
  const pinged = once(socket, 'ping');
  socket.send('ping me');
  t.note(`ping ${(await within(PATIENCE_MS, 'a ping', pinged))[0]}`);
  await close(t, socket, 1000);
}

async function refused(t) {
  serve(t, echoes, { refuse: true });
  const { stream, head } = await open(t, await session(t));
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  t.note(`x-reason ${head['x-reason']}, body ${Buffer.concat(chunks)}`);
}

async function reset(t) {
  serve(t, echoes);
  const { stream } = await open(t, await session(t));
  stream.close(constants.NGHTTP2_CANCEL);
  await t.allClosed();
}

async function cutByServer(t) {
  serve(t, (socket) => socket.once('message', () => socket.terminate()));
  const { socket } = await open(t, await session(t));
  const closed = once(socket, 'close');
  socket.send('cut, please');
  t.note(`close ${(await within(PATIENCE_MS, 'the end', closed))[0]}`);
  await t.allClosed();
}

export const rows = [
  row('echo', echo, { quiet: true }),
  row('several-beside-requests', beside, { quiet: true }),
  row('subprotocol', subprotocol, { quiet: true }),
  row('closed-by-server', closedByServer, { quiet: true }),
  row('pings', pings, { quiet: true }),
  row('refused-403', refused, { quiet: true }),
  row('reset-by-client', reset, { quiet: true }),
  row('cut-by-server', cutByServer, { quiet: true }),
];
