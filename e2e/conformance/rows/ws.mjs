// WebSockets: Node's `ws` at both ends, bare frames where it is too well-behaved.
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { WebSocket, WebSocketServer } from 'ws';
import { WebSocket as UndiciWebSocket } from 'undici';
import { acceptOf, frame, readFrame, readMessage, upgradeRequest, BINARY, CLOSE, TEXT } from '../../lib/frames.mjs';
import { MIB, ms, seededBytes, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { responseLines, pairs } from '../lib/fields.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, options) => anyRow(name, run, { webSocket: true, ...options });

const short = (data) => (data.length > 80 ? `${data.length} bytes, ${sha256(data).slice(0, 16)}` : JSON.stringify(data.toString()));

/** Notes what a WebSocket sees; resolves `closed` at its end. */
function watched(socket, note, { withPings = true } = {}) {
  socket.on('message', (data, isBinary) => note(`${isBinary ? 'binary' : 'text'} ${short(data)}`));
  if (withPings) socket.on('ping', (data) => note(`ping ${short(data)}`)).on('pong', (data) => note(`pong ${short(data)}`));
  socket.on('error', (error) => note(`error ${error.code ?? error.message}`));
  socket.closed = new Promise((resolve) => {
    socket.once('close', (code, reason) => {
      note(`close ${code} ${JSON.stringify(reason.toString())}`);
      resolve();
    });
  });
  return socket;
}

/** Has a `ws` server take the upgrades of this cell; `behave(socket, note, request)` does what it is to do. */
function serve(t, behave, { watch = true, ...options } = {}) {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 128 * MIB, ...options });
  const sockets = [];
  t.serveUpgrade(({ request, socket, early, note }) => {
    server.handleUpgrade(request, socket, early, (webSocket) => {
      if (watch) watched(webSocket, note);
      else webSocket.closed = once(webSocket, 'close');
      sockets.push(webSocket);
      behave?.(webSocket, note, request);
    });
  });
  t.cleanup(() => sockets.forEach((socket) => socket.terminate()));
  /** Waits until all of them have closed at the upstream. */
  t.allClosed = () => within(PATIENCE_MS, 'the upstream to see the close', Promise.all(sockets.map(({ closed }) => closed)));
  return sockets;
}

const echoes = (socket) => socket.on('message', (data, binary) => socket.send(data, { binary }));

/** A client's WebSocket, its open awaited. */
async function open(t, { path = '/ws', protocols = [], watch = true, ...options } = {}) {
  const socket = new WebSocket(t.url(path, { scheme: 'ws' }), protocols, { perMessageDeflate: false, maxPayload: 128 * MIB, ...options });
  t.cleanup(() => socket.terminate());
  if (watch) watched(socket, (text) => t.note(text));
  const noteOpen = () => t.note(`open, subprotocol ${JSON.stringify(socket.protocol)}, extensions ${JSON.stringify(socket.extensions)}`);
  socket.once('open', noteOpen); // at once: an error may come in the same packet
  await within(PATIENCE_MS, 'the WebSocket to open', once(socket, 'open'));
  return socket;
}

/** Closes and waits for both ends to have seen it. */
async function close(t, socket, ...how) {
  socket.close(...how);
  await within(PATIENCE_MS, 'the close', socket.closed);
  await t.allClosed();
}

const next = (socket, event = 'message') => within(PATIENCE_MS, `a ${event}`, once(socket, event));

const echo = (messages) => async (t) => {
  serve(t, echoes);
  const socket = await open(t);
  for (const message of messages) {
    const back = next(socket);
    socket.send(message);
    await back;
  }
  await close(t, socket, 1000);
};

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000];

async function largeMessage(t) {
  serve(t, echoes, {});
  const socket = await open(t);
  const startedAt = performance.now();
  const back = next(socket);
  socket.send(seededBytes('large', 32 * MIB));
  await back;
  t.remark(`32 MiB there and back in ${ms(performance.now() - startedAt)}`);
  await close(t, socket, 1000);
}

async function inOrder(t) {
  const count = 10_000;
  serve(t, echoes, { watch: false });
  const socket = await open(t, { watch: false });
  socket.closed = once(socket, 'close');
  let received = 0;
  let wrong = 0;
  const all = new Promise((resolve) => {
    socket.on('message', (data) => {
      if (data.toString() !== `message ${received}`) wrong++;
      if (++received === count) resolve();
    });
  });
  for (let i = 0; i < count; i++) socket.send(`message ${i}`);
  await within(PATIENCE_MS, 'all messages', all);
  t.note(`${received} messages, ${wrong} out of order`);
  await close(t, socket, 1000);
}

async function fragments(t) {
  serve(t, (socket) => {
    socket.on('message', (data) => {
      socket.send('back ', { fin: false });
      socket.send('in ', { fin: false });
      socket.send(`pieces: ${data}`, { fin: true });
    });
  });
  const socket = await open(t);
  const back = next(socket);
  socket.send('one ', { fin: false });
  socket.send('two ', { fin: false });
  socket.send('three', { fin: true });
  await back;
  await close(t, socket, 1000);
}

async function pingWithinFragments(t) {
  serve(t, echoes);
  const socket = await open(t);
  const ponged = next(socket, 'pong');
  const back = next(socket);
  socket.send('one ', { fin: false });
  socket.ping('between');
  await ponged;
  socket.send('two', { fin: true });
  await back;
  await close(t, socket, 1000);
}

/** How a message is cut into frames, as the other end reads it. */
async function fragmentBoundaries(t) {
  t.serveUpgrade(async ({ request, socket, early, note }) => {
    const peer = rawPeer(socket, early);
    socket.write(switching(request));
    for (let isOver = false; !isOver; ) {
      const { opcode, payload, isLast } = await readFrame(peer);
      note(`frame opcode=${opcode} ${isLast ? 'last' : 'not the last'} ${payload}`);
      isOver = isLast;
    }
    socket.end(frame(CLOSE, Buffer.from([3, 232])));
  });
  const raw = await upgradeRaw(t);
  const piece = (first, text) => {
    const bytes = frame(TEXT, text, { masked: true });
    bytes[0] = first;
    return bytes;
  };
  raw.write(piece(0x01, 'one'), piece(0x00, ''), piece(0x80, 'three'));
  t.note(`frame ${(await readFrame(raw)).opcode}`);
}

const ping = (from) => async (t) => {
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => served(socket));
  const socket = await open(t);
  const [pinging] = from === 'client' ? [socket] : [await within(PATIENCE_MS, 'the connection', connected)];
  for (const data of ['', 'hello', 'x'.repeat(125)]) {
    const ponged = next(pinging, 'pong');
    pinging.ping(data);
    await ponged;
  }
  await close(t, socket, 1000);
};

async function unsolicitedPong(t) {
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => served(socket));
  const socket = await open(t);
  const arrived = next(await connected, 'pong');
  socket.pong('nobody asked');
  await arrived;
  await close(t, socket, 1000);
}

const closeByClient = (codes) => async (t) => {
  for (const how of codes) {
    serve(t);
    await close(t, await open(t), ...how);
  }
};

const closeByServer = (codes) => async (t) => {
  for (const how of codes) {
    serve(t, (socket) => socket.once('message', () => socket.close(...how)));
    const socket = await open(t);
    socket.send('close, please');
    await within(PATIENCE_MS, 'the close', socket.closed);
    await t.allClosed();
  }
};

async function closeBoth(t) {
  serve(t, (socket) => socket.once('message', () => socket.close(4001, 'server')));
  const socket = await open(t);
  socket.send('now');
  socket.close(4002, 'client');
  await within(PATIENCE_MS, 'the close', socket.closed);
  await t.allClosed();
}

async function dataBehindTheirClose(t) {
  serve(t, (socket) => {
    socket.once('message', () => {
      for (let i = 0; i < 50; i++) socket.send(`last words ${i}`);
      socket.close(1000, 'that is all');
    });
  });
  const socket = await open(t);
  socket.send('speak');
  await within(PATIENCE_MS, 'the close', socket.closed);
  await t.allClosed();
}

const terminated = (who) => async (t) => {
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => served(socket));
  const socket = await open(t);
  const other = await within(PATIENCE_MS, 'the connection', connected);
  (who === 'client' ? socket : other).terminate();
  await within(PATIENCE_MS, 'the end', socket.closed);
  await t.allClosed();
};

const resets = (who) => async (t) => {
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => served(socket));
  const socket = await open(t);
  socket.removeAllListeners('error').on('error', () => {}); // which error it is depends on the system
  const other = await within(PATIENCE_MS, 'the connection', connected);
  other.removeAllListeners('error').on('error', () => {});
  (who === 'client' ? socket : other)._socket.resetAndDestroy();
  await within(PATIENCE_MS, 'the end', socket.closed);
  await t.allClosed();
};

const subprotocol = (offered, chosen) => async (t) => {
  serve(t, echoes, { handleProtocols: () => chosen });
  await close(t, await open(t, { protocols: offered }), 1000);
};

/** The client ends what the server has agreed to. */
async function subprotocolNotChosen(t) {
  serve(t, echoes, { handleProtocols: () => false });
  const socket = watched(new WebSocket(t.url('/ws', { scheme: 'ws' }), ['chat.v1']), (text) => t.note(text));
  t.cleanup(() => socket.terminate());
  await within(PATIENCE_MS, 'the end', socket.closed);
  await t.allClosed();
}

const deflate = (client, server) => async (t) => {
  serve(t, echoes, { perMessageDeflate: server });
  const socket = await open(t, { perMessageDeflate: client });
  for (const message of ['compress me '.repeat(10_000), 'short', seededBytes('incompressible', 100_000), 'again '.repeat(20_000)]) {
    const back = next(socket);
    socket.send(message);
    await back;
  }
  await close(t, socket, 1000);
};

const handshake = (options = {}) => async (t) => {
  serve(t);
  await close(t, await open(t, options), 1000);
};

/** Fields of the 101, besides those that make it one. */
async function fieldsOf101(t) {
  const server = new WebSocketServer({ noServer: true });
  server.on('headers', (lines) => lines.push('Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2', 'X-Served-By: upstream'));
  t.serveUpgrade(({ request, socket, early }) => server.handleUpgrade(request, socket, early, (webSocket) => t.cleanup(() => webSocket.terminate())));
  const socket = new WebSocket(t.url('/ws', { scheme: 'ws' }));
  t.cleanup(() => socket.terminate());
  const [response] = await within(PATIENCE_MS, 'the 101', once(socket, 'upgrade'));
  t.note(`status ${response.statusCode}`);
  for (const line of responseLines(pairs(response.rawHeaders))) if (!line.includes('sec-websocket-accept')) t.note(line);
}

const refused = (status, fields, body) => async (t) => {
  t.serveUpgrade(({ socket }) => {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${status}\r\n${lines}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  });
  const socket = new WebSocket(t.url('/refused', { scheme: 'ws' }));
  socket.on('error', () => {}); // the refusal is what is wanted
  t.cleanup(() => socket.terminate());
  const [, response] = await within(PATIENCE_MS, 'the refusal', once(socket, 'unexpected-response'));
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  t.noteResponse({ status: response.statusCode, headers: pairs(response.rawHeaders), body: Buffer.concat(chunks) });
};

async function redirected(t) {
  const server = new WebSocketServer({ noServer: true });
  t.serveUpgrade(({ request, socket, early, note }) => {
    if (request.url.endsWith('/there')) server.handleUpgrade(request, socket, early, (webSocket) => webSocket.close(1000, 'here'));
    else socket.end(`HTTP/1.1 307 Temporary Redirect\r\nLocation: ${t.path('/there')}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    note('handled');
  });
  const socket = await open(t, { followRedirects: true });
  await within(PATIENCE_MS, 'the close', socket.closed);
}

/** An upstream that knows nothing of WebSockets answers as to any GET. */
async function answeredAsPlain(t) {
  t.serveRaw(({ peer }) => peer.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>'));
  const socket = new WebSocket(t.url('', { service: 'raw', scheme: 'ws' }));
  socket.on('error', () => {});
  t.cleanup(() => socket.terminate());
  const [, response] = await within(PATIENCE_MS, 'the answer', once(socket, 'unexpected-response'));
  let body = '';
  for await (const chunk of response) body += chunk;
  t.note(`status ${response.statusCode}, body ${body}`);
}

function switching(request) {
  const accept = acceptOf(request.headers['sec-websocket-key']);
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Reads bytes off a socket by the piece. */
function rawPeer(socket, early = Buffer.alloc(0)) {
  let buffered = early;
  let wake = () => {};
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    wake();
  });
  return {
    async bytes(count) {
      while (buffered.length < count) await within(PATIENCE_MS, `${count} bytes`, new Promise((resolve) => (wake = resolve)));
      const taken = buffered.subarray(0, count);
      buffered = buffered.subarray(count);
      return taken;
    },
  };
}

/** A WebSocket by bare bytes, its 101 read; `behind` goes out in one packet with the request. */
async function upgradeRaw(t, ...behind) {
  const raw = await t.connect();
  const { key, bytes } = upgradeRequest(t.path('/ws'), t.authority());
  raw.write(bytes, ...behind);
  const head = await raw.head();
  t.note(head.startLine.slice(0, 12));
  t.note(`accept ${head.headers.find(([name]) => name === 'sec-websocket-accept')?.[1] === acceptOf(key) ? 'right' : 'wrong'}`);
  return raw;
}

/** The server's first frames in one packet with its 101. */
async function serverSpeaksFirst(t) {
  t.serveUpgrade(({ request, socket }) => {
    socket.write(Buffer.concat([Buffer.from(switching(request)), frame(TEXT, 'first'), frame(BINARY, seededBytes('first', 5_000))]));
  });
  const raw = await upgradeRaw(t);
  for (let i = 0; i < 2; i++) {
    const { opcode, payload } = await readMessage(raw);
    t.note(`frame ${opcode} ${short(payload)}`);
  }
}

/** The server says all it has to say and closes, in one packet with its 101. */
async function serverSpeaksAndCloses(t) {
  t.serveUpgrade(({ request, socket }) => {
    socket.end(Buffer.concat([Buffer.from(switching(request)), frame(TEXT, 'only'), frame(CLOSE, Buffer.from([3, 232]))]));
  });
  const raw = await upgradeRaw(t);
  for (let i = 0; i < 2; i++) {
    const { opcode, payload } = await readMessage(raw);
    t.note(`frame ${opcode} ${payload.toString('hex')}`);
  }
}

/** The client's first frames in one packet with its request. */
async function clientSpeaksFirst(t) {
  serve(t, echoes);
  const early = ['early', 'x'.repeat(9_000)];
  const raw = await upgradeRaw(t, ...early.map((text) => frame(TEXT, text, { masked: true })));
  for (const _ of early) t.note(`echo ${short((await readMessage(raw)).payload)}`);
  raw.write(frame(TEXT, 'late', { masked: true }));
  t.note(`echo ${short((await readMessage(raw)).payload)}`);
  raw.write(frame(CLOSE, Buffer.from([3, 232]), { masked: true }));
  t.note(`frame ${(await readMessage(raw)).opcode}`);
  await t.allClosed();
}

async function byteByByte(t) {
  serve(t, echoes);
  const raw = await upgradeRaw(t);
  for (const byte of frame(TEXT, 'slowly', { masked: true })) await new Promise((resolve) => raw.socket.write(Buffer.from([byte]), resolve));
  t.note(`echo ${(await readMessage(raw)).payload}`);
  raw.write(frame(CLOSE, Buffer.from([3, 232]), { masked: true }));
  t.note(`frame ${(await readMessage(raw)).opcode}`);
  await t.allClosed();
}

/** What a client may not send: the server's close says why. */
const breach = (...bytes) => async (t) => {
  serve(t);
  const raw = await upgradeRaw(t);
  raw.write(...bytes);
  const { opcode, payload } = await readMessage(raw);
  t.note(`frame ${opcode} ${payload.length >= 2 ? payload.readUInt16BE(0) : ''}`);
  await raw.rest();
  await t.allClosed();
};

const masked = (first, payload) => {
  const bytes = frame(TEXT, payload, { masked: true });
  bytes[0] = first;
  return bytes;
};

/** What a server may not send: the client's close says why. */
const breachByServer = (...bytes) => async (t) => {
  t.serveUpgrade(async ({ request, socket, early, note }) => {
    const peer = rawPeer(socket, early);
    socket.write(switching(request));
    socket.write(Buffer.concat(bytes));
    const { opcode, payload } = await readMessage(peer);
    note(`frame ${opcode} ${payload.length >= 2 ? payload.readUInt16BE(0) : ''}`);
    socket.end();
  });
  const socket = await open(t);
  await within(PATIENCE_MS, 'the close', socket.closed);
};

async function tooLarge(t) {
  serve(t, undefined, { maxPayload: 1_000 });
  const socket = await open(t);
  socket.send('x'.repeat(1_001));
  await within(PATIENCE_MS, 'the close', socket.closed);
  await t.allClosed();
}

/** A client that does not read for a while gets all in the end, and its server was made to wait. */
async function slowConsumer(t) {
  const count = 1_000;
  const message = seededBytes('slow', 64 * 1024);
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => served(socket), { watch: false });
  const socket = await open(t, { watch: false });
  socket.closed = once(socket, 'close');
  socket.pause();
  const server = await connected;
  let sent = 0;
  for (let i = 0; i < count; i++) server.send(message, () => sent++);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  t.note(`the server was made to wait: ${sent < count}`);
  t.remark(`${sent} of ${count} messages had left the server`);
  let received = 0;
  let wrong = 0;
  const all = new Promise((resolve) => {
    socket.on('message', (data) => {
      if (!data.equals(message)) wrong++;
      if (++received === count) resolve();
    });
  });
  socket.resume();
  await within(PATIENCE_MS, 'all messages', all);
  t.note(`${received} messages, ${wrong} of them wrong`);
  await close(t, socket, 1000);
}

async function slowServer(t) {
  const count = 600;
  const message = seededBytes('slow server', 64 * 1024);
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  serve(t, (socket) => {
    socket.pause();
    served(socket);
  }, { watch: false });
  const socket = await open(t, { watch: false });
  socket.closed = once(socket, 'close');
  const server = await connected;
  let sent = 0;
  for (let i = 0; i < count; i++) socket.send(message, () => sent++);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  t.note(`the client was made to wait: ${sent < count}`);
  let received = 0;
  const all = new Promise((resolve) => {
    server.on('message', (data) => {
      if (data.equals(message) && ++received === count) resolve();
    });
  });
  server.resume();
  await within(PATIENCE_MS, 'all messages', all);
  t.note(`${received} messages`);
  await close(t, socket, 1000);
}

async function manySockets(t) {
  const count = 100;
  serve(t, echoes, { watch: false });
  const outcomes = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const socket = new WebSocket(t.url(`/ws/${i}`, { scheme: 'ws' }), { perMessageDeflate: false });
      t.cleanup(() => socket.terminate());
      await within(PATIENCE_MS, 'the WebSocket to open', once(socket, 'open'));
      for (let n = 0; n < 20; n++) {
        const message = `${i}/${n} ${randomBytes(n * 50).toString('hex')}`;
        const back = next(socket);
        socket.send(message);
        if ((await back)[0].toString() !== message) return 'another';
      }
      const closed = once(socket, 'close');
      socket.close(1000);
      return `close ${(await within(PATIENCE_MS, 'the close', closed))[0]}`;
    }),
  );
  t.note(`${outcomes.filter((outcome) => outcome === 'close 1000').length} of ${count} exact`);
  await t.allClosed();
}

/** Both send at full speed without waiting for each other. */
async function fullDuplex(t) {
  const count = 500;
  const message = seededBytes('duplex', 20_000);
  const counted = (socket, note) => new Promise((resolve) => {
    let received = 0;
    socket.on('message', (data) => {
      if (data.equals(message) && ++received === count) resolve(note(`${received} messages`));
    });
  });
  const flood = (socket) => {
    for (let i = 0; i < count; i++) socket.send(message);
  };
  let atServer;
  serve(t, (socket, note) => {
    atServer = counted(socket, note);
    flood(socket);
  }, { watch: false });
  const socket = new WebSocket(t.url('/ws', { scheme: 'ws' }), { perMessageDeflate: false });
  t.cleanup(() => socket.terminate());
  socket.closed = once(socket, 'close');
  const atClient = counted(socket, (text) => t.note(text));
  await within(PATIENCE_MS, 'the WebSocket to open', once(socket, 'open'));
  flood(socket);
  await within(PATIENCE_MS, 'all messages', Promise.all([atClient, atServer]));
  await close(t, socket, 1000);
}

/** Node's own client, made like a browser's. */
async function undiciClient(t) {
  serve(t, echoes, { handleProtocols: (offered) => [...offered].at(-1), perMessageDeflate: true });
  const socket = new UndiciWebSocket(t.url('/undici', { scheme: 'ws' }), ['a', 'b']);
  t.cleanup(() => socket.close());
  socket.binaryType = 'arraybuffer';
  await within(PATIENCE_MS, 'the open', once(socket, 'open'));
  t.note(`subprotocol ${socket.protocol}, extensions ${socket.extensions}`);
  for (const message of ['text ä', seededBytes('undici', 70_000)]) {
    const back = once(socket, 'message');
    socket.send(message);
    const [{ data }] = await within(PATIENCE_MS, 'the echo', back);
    t.note(typeof data === 'string' ? data : sha256(Buffer.from(data)));
  }
  const closed = once(socket, 'close');
  socket.close(4000, 'bye');
  const [{ code, reason, wasClean }] = await within(PATIENCE_MS, 'the close', closed);
  t.note(`close ${code} ${reason} ${wasClean}`);
  await t.allClosed();
}

/** Another page's script: a server alone decides whether it may. */
async function foreignOrigin(t) {
  serve(t);
  try {
    await close(t, await open(t, { origin: 'https://page.example', watch: false }), 1000);
  } catch (error) {
    t.note(`refused: ${error.message}`);
  }
}

const FIELDS = { Cookie: 'session=abc; other="x"', Authorization: 'Bearer t.o.k', 'X-Custom': 'välue', 'User-Agent': 'conformance' };

export const rows = [
  row('text', echo(['', 'a', 'ä€😀', ...SIZES.map((size) => 'x'.repeat(size))])),
  row('binary', echo(SIZES.map((size) => seededBytes(size, size)))),
  row('message-of-32-mib', largeMessage, { timeoutMs: 60_000 }),
  row('ten-thousand-in-order', inOrder),
  row('both-at-full-speed', fullDuplex, { timeoutMs: 60_000 }),
  row('hundred-sockets', manySockets, { quiet: true, timeoutMs: 60_000 }),
  row('fragments', fragments),
  row('fragment-boundaries', fragmentBoundaries),
  row('ping-within-fragments', pingWithinFragments),
  row('ping-by-client', ping('client')),
  row('ping-by-server', ping('server')),
  row('pong-unasked', unsolicitedPong),
  row('close-by-client', closeByClient([[1000, ''], [1000, 'done'], [1001, 'going'], [3000, 'x'.repeat(123)], [4321, 'bye-ü'], []])),
  row('close-by-server', closeByServer([[1000, ''], [1000, 'done'], [1001, 'going'], [1008, 'policy'], [1011, 'fault'], [1012, ''], [1013, ''], [4321, 'bye-ü'], []])),
  row('close-by-both', closeBoth),
  row('close-behind-data', dataBehindTheirClose),
  row('terminated-by-client', terminated('client')),
  row('terminated-by-server', terminated('server')),
  row('reset-by-client', resets('client')),
  row('reset-by-server', resets('server')),
  row('subprotocol-chosen', subprotocol(['chat.v1', 'chat.v2'], 'chat.v2')),
  row('subprotocol-not-chosen', subprotocolNotChosen),
  row('subprotocol-unasked', subprotocol([], 'chat.v9')),
  row('deflate-agreed', deflate({ threshold: 64 }, { threshold: 64 })),
  row('deflate-without-context', deflate({ threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }, { threshold: 0 })),
  row('deflate-small-windows', deflate({ threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 9 }, { threshold: 0 })),
  row('deflate-offered-and-declined', deflate({ threshold: 0 }, false)),
  row('deflate-not-offered', deflate(false, { threshold: 0 })),
  row('handshake-fields', handshake({ headers: FIELDS })),
  row('handshake-long', handshake({ headers: { Cookie: `c=${'v'.repeat(7_000)}` } })),
  row('handshake-query', handshake({ path: '/ws/./a%2Fb//c?token=a%2Fb+c&x[]=1&x[]=2' })),
  row('handshake-fields-of-101', fieldsOf101),
  row('origin-of-the-same-host', async (t) => handshake({ origin: `http://${t.authority()}` })(t)),
  row('origin-of-another-host', foreignOrigin),
  row('refused-401', refused('401 Unauthorized', [['WWW-Authenticate', 'Bearer realm="x"'], ['Content-Type', 'application/json']], '{"error":"who"}')),
  row('refused-403', refused('403 Forbidden', [['X-Reason', 'because'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']], 'no')),
  row('refused-404', refused('404 Not Found', [['Content-Type', 'text/html']], '<h1>not here</h1>')),
  row('refused-426', refused('426 Upgrade Required', [['Sec-WebSocket-Version', '13, 8']], '')),
  row('refused-503', refused('503 Service Unavailable', [['Retry-After', '7']], 'later')),
  row('redirected', redirected),
  row('answered-as-plain', answeredAsPlain),
  row('server-speaks-first', serverSpeaksFirst),
  row('server-speaks-and-closes', serverSpeaksAndCloses),
  row('client-speaks-first', clientSpeaksFirst),
  row('frame-byte-by-byte', byteByByte),
  row('breach-bad-utf8', breach(masked(0x81, Buffer.from([0xc3, 0x28])))),
  row('breach-reserved-bit', breach(masked(0xc1, 'x'))),
  row('breach-unknown-opcode', breach(masked(0x83, 'x'))),
  row('breach-unmasked', breach(frame(TEXT, 'bare'))),
  row('breach-long-ping', breach(masked(0x89, 'x'.repeat(126)))),
  row('breach-fragmented-ping', breach(masked(0x09, 'x'))),
  row('breach-continuation-of-nothing', breach(masked(0x80, 'x'))),
  row('breach-close-code', breach(frame(CLOSE, Buffer.from([3, 236]), { masked: true }))),
  row('breach-too-large', tooLarge),
  row('breach-by-server-masked', breachByServer(frame(TEXT, 'masked', { masked: true }))),
  row('breach-by-server-bad-utf8', breachByServer(frame(TEXT, Buffer.from([0xff])))),
  row('slow-client', slowConsumer, { timeoutMs: 90_000 }),
  row('slow-server', slowServer, { timeoutMs: 90_000 }),
  row('undici-client', undiciClient),
];
