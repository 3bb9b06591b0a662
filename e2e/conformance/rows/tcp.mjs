// A port of the gateway's that leads to a TCP server behind the agent: bytes, and how they end.
import { once } from 'node:events';
import { connect } from 'node:net';
import { createHash } from 'node:crypto';
import { MIB, ms, seededBytes, seededSha256, seededStream } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, options) => anyRow(name, run, { needs: ['tcp'], ...options });

/** A connection whose end is noted: by FIN or by a reset, and after how many bytes. */
async function open(t, { name = 'client', note = (text) => t.note(text) } = {}) {
  const socket = connect({ ...t.address('tcp'), allowHalfOpen: true, noDelay: true });
  t.cleanup(() => socket.destroy());
  await within(PATIENCE_MS, 'a connection', once(socket, 'connect'));
  return watched(socket, note, name);
}

function watched(socket, note, name) {
  socket.hash = createHash('sha256');
  socket.received = 0;
  socket.on('data', (chunk) => {
    socket.hash.update(chunk);
    socket.received += chunk.length;
  });
  socket.isReset = false;
  socket.on('error', () => (socket.isReset = true));
  socket.ended = new Promise((resolve) => socket.once('end', () => resolve('ended')).once('close', () => resolve('gone')));
  socket.seen = async () => {
    await within(PATIENCE_MS, `the ${name} to see the end`, socket.ended);
    note(`${name} has ${socket.received} bytes, ${socket.hash.copy().digest('hex').slice(0, 16)}, and the end`);
  };
  return socket;
}

/** Runs a server's side and a client's, and waits for both. */
const both = (server, client) => async (t) => {
  let served;
  const isServed = new Promise((resolve) => (served = resolve));
  t.serveTcp(async ({ socket, note }) => {
    t.cleanup(() => socket.destroy());
    await server(watched(socket, note, 'server'), note, t);
    served();
  });
  await client(await open(t), t);
  await within(PATIENCE_MS, 'the server to be through', isServed);
};

const echo = both(
  async (socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    await socket.seen();
    socket.end();
  },
  async (socket) => {
    for (let i = 0; i < 10; i++) {
      const back = once(socket, 'data');
      socket.write(`turn ${i}`);
      await within(PATIENCE_MS, 'the echo', back);
    }
    socket.end();
    await socket.seen();
  },
);

const serverSpeaksFirst = both(
  async (socket) => {
    socket.write('220 hello\r\n');
    await socket.seen();
    socket.end('221 bye\r\n');
  },
  async (socket) => {
    await within(PATIENCE_MS, 'the greeting', once(socket, 'data'));
    socket.end('QUIT\r\n');
    await socket.seen();
  },
);

/** The client has said all, the server answers at length. */
const halfClosedByClient = both(
  async (socket) => {
    await socket.seen();
    seededStream('answer', 5 * MIB).pipe(socket);
  },
  async (socket) => {
    socket.end('the question');
    await socket.seen();
  },
);

/** And the other way round. */
const halfClosedByServer = both(
  async (socket) => {
    socket.end('all that I have to say');
    await socket.seen();
  },
  async (socket) => {
    await socket.seen();
    seededStream('reply', 5 * MIB).pipe(socket);
    await within(PATIENCE_MS, 'all to go out', once(socket, 'finish'));
  },
);

const bothDirections = both(
  async (socket) => {
    seededStream('down', 16 * MIB).pipe(socket);
    await socket.seen();
  },
  async (socket) => {
    seededStream('up', 16 * MIB).pipe(socket);
    await socket.seen();
  },
);

const resetBy = (who) => async (t) => {
  let served;
  const connected = new Promise((resolve) => (served = resolve));
  t.serveTcp(({ socket, note }) => served({ socket: watched(socket, note, 'server'), note }));
  const client = await open(t);
  client.write('hello');
  const { socket: server, note } = await within(PATIENCE_MS, 'the server to be connected', connected);
  await within(PATIENCE_MS, 'the server to have a word', server.received ? Promise.resolve() : once(server, 'data'));
  const [breaking, other, noteOther] = who === 'client' ? [client, server, note] : [server, client, (text) => t.note(text)];
  breaking.resetAndDestroy();
  await within(PATIENCE_MS, 'the other end to see it', other.ended);
  noteOther(other.isReset ? 'reset' : 'an orderly end');
};

/** Nothing is lost of what was sent before a close. */
const lastWords = both(
  async (socket) => {
    await within(PATIENCE_MS, 'a word', socket.received ? Promise.resolve() : once(socket, 'data'));
    socket.end(seededBytes('last words', 300_000));
    await socket.seen();
  },
  async (socket) => {
    socket.write('speak');
    await socket.seen();
    socket.end();
  },
);

async function many(t) {
  const count = 100;
  t.serveTcp(({ socket }) => socket.on('error', () => {}).pipe(socket));
  const outcomes = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const socket = connect(t.address('tcp'));
      t.cleanup(() => socket.destroy());
      socket.on('error', () => {});
      const body = seededBytes(`tcp ${i}`, i * 1_000);
      const chunks = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.end(body);
      await within(PATIENCE_MS, 'the end', once(socket, 'close'));
      return Buffer.concat(chunks).equals(body);
    }),
  );
  t.note(`${outcomes.filter(Boolean).length} of ${count} exact`);
}

/** A reader that stops makes its writer wait, and has everything in the end. */
async function slowReader(t) {
  const bytes = 64 * MIB;
  let written = 0;
  t.serveTcp(({ socket }) => {
    socket.on('error', () => {});
    const source = seededStream('slow reader', bytes);
    source.on('data', (chunk) => (written += chunk.length));
    source.pipe(socket);
  });
  const socket = connect(t.address('tcp'));
  t.cleanup(() => socket.destroy());
  socket.pause();
  await within(PATIENCE_MS, 'a connection', once(socket, 'connect'));
  let before = -1;
  while (before !== written || written === 0) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  t.note(`the writer waits: ${written < bytes}`);
  t.remark(`after ${(written / MIB).toFixed(1)} MiB`);
  const hash = createHash('sha256');
  const startedAt = performance.now();
  for await (const chunk of socket) hash.update(chunk);
  t.note(hash.digest('hex') === seededSha256('slow reader', bytes) ? 'all of it, exact' : 'another');
  t.remark(`the rest in ${ms(performance.now() - startedAt)}`);
}

export const rows = [
  row('echo', echo),
  row('server-speaks-first', serverSpeaksFirst),
  row('half-closed-by-client', halfClosedByClient),
  row('half-closed-by-server', halfClosedByServer),
  row('16-mib-both-ways', bothDirections, { timeoutMs: 60_000 }),
  row('last-words', lastWords),
  row('reset-by-client', resetBy('client')),
  row('reset-by-server', resetBy('server')),
  row('hundred-connections', many, { quiet: true }),
  row('slow-reader', slowReader, { quiet: true, timeoutMs: 60_000 }),
];
