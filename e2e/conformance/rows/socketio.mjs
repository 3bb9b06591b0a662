// Socket.IO, client and server as they come from npm: polling, WebSocket, and the way from one to the other.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { MIB, seededBytes, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, options) => anyRow(name, run, { webSocket: true, ...options });

/** A Socket.IO server for this cell, at the port where all paths expect one. */
async function serve(t, behave, options = {}) {
  const http = createServer();
  const server = new Server(http, { maxHttpBufferSize: 16 * MIB, pingInterval: 60_000, ...options });
  server.on('connection', (socket) => behave?.(socket, server));
  const connections = new Set();
  http.on('connection', (connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
  });
  http.listen(t.upstreams.ports.socketio, '127.0.0.1');
  await once(http, 'listening');
  /** Ends as a process that is killed: without a word to anybody. */
  const kill = async () => {
    if (!http.listening) return;
    const closed = once(http, 'close');
    http.close();
    for (const connection of connections) connection.destroy();
    await closed;
    server.close();
  };
  t.cleanup(kill);
  return { server, kill };
}

function client(t, { namespace = '/', ...options } = {}) {
  const socket = io(`http://${t.authority('socketio')}${namespace}`, {
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    timeout: PATIENCE_MS,
    ...options,
  });
  t.cleanup(() => socket.disconnect());
  return socket;
}

const event = (emitter, name, what = name) => within(PATIENCE_MS, what, new Promise((resolve) => emitter.once(name, (...args) => resolve(args))));

async function connected(t, options) {
  const socket = client(t, options);
  await event(socket, 'connect', 'a connection');
  return socket;
}

/** Polls first, and goes over to a WebSocket. */
async function upgrades(t) {
  let over;
  const isOver = new Promise((resolve) => (over = resolve));
  await serve(t, (socket) => {
    socket.conn.once('upgrade', (transport) => over(transport.name));
    socket.on('say', (text, answer) => answer(`${text} by ${socket.conn.transport.name}`));
  });
  const socket = await connected(t);
  t.note(`the server: now by ${await within(PATIENCE_MS, 'the upgrade', isOver)}`);
  t.note(await socket.emitWithAck('say', 'hello'));
  t.note(`the client: by ${socket.io.engine.transport.name}`);
}

const talks = (transports) => async (t) => {
  await serve(t, (socket) => {
    socket.on('say', (...args) => socket.emit('back', ...args));
  }, { transports });
  const socket = await connected(t, { transports });
  if (transports.length === 1) t.note(`by ${socket.io.engine.transport.name}`);
  for (const args of [['text ä€😀'], [1, null, true, { deep: [{ er: 'x' }] }], [''], ['x'.repeat(100_000)]]) {
    const back = event(socket, 'back');
    socket.emit('say', ...args);
    const text = JSON.stringify(await back);
    t.note(`back ${text.length > 100 ? sha256(text) : text}`);
  }
};

const binary = (transports) => async (t) => {
  await serve(t, (socket) => {
    socket.on('say', (value) => socket.emit('back', { head: value.head, bytes: value.bytes, more: [Buffer.from('more'), 'text'] }));
  }, { transports });
  const socket = await connected(t, { transports });
  for (const length of [0, 1, 65_536, 300_000]) {
    const back = event(socket, 'back');
    socket.emit('say', { head: length, bytes: seededBytes(length, length) });
    const [{ head, bytes, more }] = await back;
    t.note(`back ${head}: ${sha256(bytes)}, ${more.map(String).join(' ')}`);
  }
};

const large = (transports) => async (t) => {
  await serve(t, (socket) => {
    socket.on('say', (value, answer) => answer(value));
  }, { transports });
  const socket = await connected(t, { transports });
  const value = seededBytes('large', 6 * MIB);
  const answer = await within(PATIENCE_MS, 'an answer', socket.emitWithAck('say', value));
  t.note(`answer of ${answer.length} bytes is ${answer.equals(value) ? 'exact' : 'another'}`);
};

async function acknowledgements(t) {
  await serve(t, (socket) => {
    socket.on('add', (a, b, answer) => answer({ sum: a + b }));
    socket.on('silence', () => {});
    socket.on('ask me', async (answer) => {
      const [one, two] = await Promise.all([socket.timeout(PATIENCE_MS).emitWithAck('who?', 1), socket.timeout(PATIENCE_MS).emitWithAck('who?', 2)]);
      answer(`${one} ${two}`);
    });
  });
  const socket = await connected(t);
  socket.on('who?', (n, answer) => answer(`me${n}`));
  t.note(JSON.stringify(await socket.timeout(PATIENCE_MS).emitWithAck('add', 2, 3)));
  t.note(await socket.timeout(PATIENCE_MS).emitWithAck('ask me'));
  t.note(await socket.timeout(200).emitWithAck('silence').then(() => 'an answer', (error) => error.message));
}

async function namespaces(t) {
  const { server } = await serve(t, (socket) => socket.emit('at', 'main'));
  server.of('/admin').on('connection', (socket) => socket.emit('at', 'admin'));
  server.of(/^\/dynamic-\d+$/).on('connection', (socket) => socket.emit('at', socket.nsp.name));
  const main = client(t, { forceNew: false, multiplex: true });
  t.note((await event(main, 'at'))[0]);
  for (const name of ['/admin', '/dynamic-7']) {
    const socket = main.io.socket(name);
    t.note((await event(socket, 'at'))[0]);
  }
  const missing = main.io.socket('/missing');
  t.note((await event(missing, 'connect_error'))[0].message);
}

async function authentication(t) {
  const { server } = await serve(t, (socket) => socket.emit('hello', socket.handshake.auth.user));
  server.use((socket, proceed) => {
    if (socket.handshake.auth.token === 'secret') proceed();
    else proceed(Object.assign(new Error('not you'), { data: { code: 401 } }));
  });
  const refused = client(t, { auth: { token: 'wrong' } });
  const [error] = await event(refused, 'connect_error');
  t.note(`refused: ${error.message} ${JSON.stringify(error.data)}`);
  const socket = client(t, { auth: { token: 'secret', user: 'me' } });
  t.note(`hello ${(await event(socket, 'hello'))[0]}`);
}

/** What a middleware in front of the handshake says comes to the client as a status. */
async function refusedByRequest(t) {
  await serve(t, undefined, { allowRequest: (_, decide) => decide('go away', false) });
  const socket = client(t, { reconnection: false });
  const [error] = await event(socket, 'connect_error');
  t.note(`refused: ${error.message}, status ${error.description}, ${error.context?.responseText ?? ''}`);
}

async function handshakeFields(t) {
  await serve(t, (socket) => {
    const { headers, query } = socket.handshake;
    socket.emit('saw', { custom: headers['x-custom'], cookie: headers.cookie, token: query.token, transport: query.transport, host: headers.host });
  });
  for (const transports of [['polling'], ['websocket']]) {
    const socket = client(t, { transports, query: { token: 'a/b c&d' }, extraHeaders: { 'X-Custom': 'mine', Cookie: 'k=v' } });
    t.note(JSON.stringify((await event(socket, 'saw'))[0]));
  }
}

async function rooms(t) {
  const { server } = await serve(t, (socket) => {
    socket.on('join', async (room, answer) => {
      await socket.join(room);
      answer();
    });
    socket.on('shout', (room, text) => socket.to(room).emit('heard', text));
  });
  const [a, b, c] = await Promise.all([connected(t), connected(t, { transports: ['websocket'] }), connected(t, { transports: ['polling'] })]);
  const heard = { a: [], b: [], c: [] };
  for (const [name, socket] of Object.entries({ a, b, c })) socket.on('heard', (text) => heard[name].push(text));
  for (const socket of [a, b, c]) await socket.emitWithAck('join', socket === c ? 'two' : 'one');
  const ends = [a, b, c].map((socket) => event(socket, 'end'));
  a.emit('shout', 'one', 'to one');
  a.emit('shout', 'two', 'to two');
  await within(PATIENCE_MS, 'both to be heard', Promise.all([heardOnce(b), heardOnce(c)]));
  server.to('one').to('two').emit('heard', 'to both');
  server.emit('end');
  await Promise.all(ends);
  t.note(JSON.stringify(heard));
}

const heardOnce = (socket) => once(socket, 'heard');

async function broadcast(t) {
  const count = 100;
  const { server } = await serve(t);
  const sockets = await Promise.all(Array.from({ length: count }, (_, i) => connected(t, { transports: [i % 2 ? 'websocket' : 'polling'] })));
  const received = sockets.map((socket) => new Promise((resolve) => {
    const seen = [];
    socket.on('news', (n) => {
      seen.push(n);
      if (seen.length === 50) resolve(seen.every((each, i) => each === i));
    });
  }));
  for (let i = 0; i < 50; i++) server.emit('news', i);
  const all = await within(PATIENCE_MS, 'all news', Promise.all(received));
  t.note(`${all.filter(Boolean).length} of ${count} have all in order`);
}

async function inOrder(t) {
  const count = 5_000;
  await serve(t, (socket) => socket.on('n', (n) => socket.emit('n', n)));
  const socket = client(t);
  let next = 0;
  let wrong = 0;
  const all = new Promise((resolve) => socket.on('n', (n) => {
    if (n !== next) wrong++;
    if (++next === count) resolve();
  }));
  for (let i = 0; i < count; i++) socket.emit('n', i); // from before the connection, through polling, to the WebSocket
  await within(PATIENCE_MS, 'all', all);
  t.note(`${next} events, ${wrong} out of order`);
}

async function disconnects(t) {
  const reasons = [];
  let seen = () => {};
  await serve(t, (socket) => {
    socket.on('disconnect', (reason) => {
      reasons.push(reason);
      seen();
    });
    socket.on('throw me out', () => socket.disconnect(true));
    socket.on('cut me off', () => socket.conn.close());
  });
  for (const transports of [['websocket'], ['polling']]) {
    for (const how of ['throw me out', 'cut me off', 'leave']) {
      const socket = await connected(t, { transports, reconnection: false });
      const gone = event(socket, 'disconnect');
      const noticed = new Promise((resolve) => (seen = resolve));
      if (how === 'leave') socket.disconnect();
      else socket.emit(how);
      t.note(`${transports[0]}, ${how}: ${(await gone)[0]}`);
      await within(PATIENCE_MS, 'the server to notice', noticed);
      t.note(`the server: ${reasons.at(-1)}`);
    }
  }
}

/** The server goes and comes again. */
const serverRestarts = (transports) => async (t) => {
  const behave = (socket) => socket.on('say', (text, answer) => answer(`${text}, too`));
  const first = await serve(t, behave, { transports });
  const socket = await connected(t, { transports });
  t.note(await socket.emitWithAck('say', 'one'));
  const gone = event(socket, 'disconnect');
  await first.kill();
  t.note(`gone: ${(await gone)[0]}`);
  socket.emit('say', 'kept until then', (answer) => t.note(answer));
  const back = event(socket, 'connect', 'the client to be back');
  const failed = event(socket.io, 'reconnect_error', 'an attempt in vain');
  t.note(`an attempt fails: ${(await failed)[0].message}`);
  await serve(t, behave, { transports });
  await back;
  t.note(await within(PATIENCE_MS, 'an answer', socket.emitWithAck('say', 'two')));
};

/** A transport that breaks off without a word, with events missed meanwhile. */
async function recovery(t) {
  let count = 0;
  const { server } = await serve(t, (socket) => {
    count++;
    if (count === 1) {
      socket.on('cut me off', () => {
        socket.conn.close();
        server.emit('news', 'missed');
      });
    }
    socket.emit('recovered', socket.recovered);
  }, { connectionStateRecovery: {} });
  const socket = client(t, { transports: ['websocket'] });
  socket.on('news', (text) => t.note(`news ${text}`));
  socket.on('recovered', (is) => t.note(`recovered ${is}`));
  await event(socket, 'recovered');
  server.emit('news', 'seen');
  await event(socket, 'news');
  const back = event(socket, 'connect', 'the client to be back');
  const again = event(socket, 'recovered');
  socket.emit('cut me off');
  await Promise.all([back, again]);
  t.note(`the client: recovered ${socket.recovered}`);
}

async function compressed(t) {
  await serve(t, (socket) => socket.on('say', (text, answer) => answer(text)), { perMessageDeflate: { threshold: 100 }, httpCompression: { threshold: 100 } });
  for (const transports of [['websocket'], ['polling']]) {
    const socket = await connected(t, { transports });
    const answer = await within(PATIENCE_MS, 'an answer', socket.emitWithAck('say', 'compress me '.repeat(20_000)));
    t.note(`${transports[0]}: ${sha256(answer)}`);
  }
}

async function noUpgrade(t) {
  await serve(t, (socket) => socket.on('say', (text, answer) => answer(text)), { allowUpgrades: false });
  const socket = await connected(t);
  t.note(await socket.emitWithAck('say', 'still here'));
  t.note(`by ${socket.io.engine.transport.name}`);
}

/** The heart beats both ways while nothing else happens. */
async function heartbeat(t) {
  const { server } = await serve(t, undefined, { pingInterval: 200, pingTimeout: 5_000 });
  for (const transports of [['websocket'], ['polling']]) {
    const socket = await connected(t, { transports });
    const beats = new Promise((resolve) => {
      let count = 0;
      socket.io.on('ping', () => ++count === 5 && resolve());
    });
    await within(PATIENCE_MS, 'five pings', beats);
    t.note(`${transports[0]}: connected ${socket.connected}, ${server.engine.clientsCount > 0 ? 'and so the server thinks' : 'the server thinks not'}`);
  }
}

async function crossOrigin(t) {
  await serve(t, undefined, { cors: { origin: 'https://page.example', credentials: true } });
  await t.curl(['-H', 'Origin: https://page.example', `http://${t.authority('socketio')}/socket.io/?EIO=4&transport=polling`, '-o', '/dev/null']);
}

export const rows = [
  row('polling-then-websocket', upgrades),
  row('websocket-only', talks(['websocket'])),
  row('polling-only', talks(['polling'])),
  row('both', talks(['polling', 'websocket'])),
  row('no-upgrade-allowed', noUpgrade),
  row('acknowledgements', acknowledgements),
  row('binary-websocket', binary(['websocket'])),
  row('binary-polling', binary(['polling'])),
  row('6-mib-websocket', large(['websocket'])),
  row('6-mib-polling', large(['polling'])),
  row('namespaces', namespaces),
  row('authentication', authentication),
  row('refused-by-request', refusedByRequest),
  row('handshake-fields', handshakeFields),
  row('cross-origin-polling', crossOrigin),
  row('rooms', rooms),
  row('broadcast-to-hundred', broadcast, { timeoutMs: 60_000 }),
  row('five-thousand-in-order', inOrder),
  row('disconnects', disconnects),
  row('server-restarts-websocket', serverRestarts(['websocket'])),
  row('server-restarts-polling', serverRestarts(['polling'])),
  row('state-recovery', recovery),
  row('compressed', compressed),
  row('heartbeat', heartbeat),
];
