// gRPC: @grpc/grpc-js at both ends, HTTP/2 all the way.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { MIB, seededBytes, sha256 } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { row as anyRow } from '../lib/matrix.mjs';
import { noteOf } from '../lib/upstreams.mjs';

const PATIENCE_MS = 15_000;
const row = (name, run, { needs = ['grpc'], ...options } = {}) => anyRow(name, run, { needs, ...options });
const LIMITS = { 'grpc.max_receive_message_length': 64 * MIB, 'grpc.max_send_message_length': 64 * MIB };

const { conformance } = loadPackageDefinition(loadSync(fileURLToPath(new URL('../upstream/talk.proto', import.meta.url)), { defaults: true }));

/** Cells by their tag, which a client says in its metadata. */
const cells = new Map();

/** What the server does: a method of the running cell, with the call. */
const answered = (method) => (call, callback) => {
  const cell = cells.get(call.metadata.get('x-cell')[0]);
  if (!cell) {
    const error = { code: status.NOT_FOUND, details: 'no such cell' };
    if (callback) callback(error);
    else call.emit('error', error);
    return;
  }
  const lane = `upstream ${++cell.exchanges}`;
  const note = noteOf(cell, lane);
  note(`${call.getPath()} ${[...call.metadata.get('x-said')].join(' ')}`);
  call.on('cancelled', () => {
    note('cancelled');
    cell.cancelled?.();
  });
  cell.behaviour[method](call, callback, note);
};

/** Starts the server, in clear and with TLS. */
export async function setUp(upstreams, { cert, key }) {
  const server = new Server(LIMITS);
  server.addService(conformance.Talk.service, { Say: answered('say'), List: answered('list'), Gather: answered('gather'), Chat: answered('chat') });
  const bind = (port, how) => new Promise((resolve, reject) => server.bindAsync(`127.0.0.1:${port}`, how, (error) => (error ? reject(error) : resolve())));
  await bind(upstreams.ports.grpc, ServerCredentials.createInsecure());
  await bind(upstreams.ports.grpcSecure, ServerCredentials.createSsl(null, [{ cert_chain: readFileSync(cert), private_key: readFileSync(key) }]));
  return () => server.forceShutdown();
}

/** A client of this cell, with metadata that names it. */
function client(t, behaviour, { front = 'h2c', ...options } = {}) {
  cells.set(t.tag, t);
  t.cleanup(() => cells.delete(t.tag));
  t.behaviour = behaviour;
  const { host, port } = t.address('grpc', front);
  const how = front === 'tls' ? credentials.createSsl(readFileSync(t.files.cert)) : credentials.createInsecure();
  const talk = new conformance.Talk(`${host}:${port}`, how, { ...LIMITS, ...options });
  t.cleanup(() => talk.close());
  return talk;
}

function metadata(t, entries = {}) {
  const fields = new Metadata();
  fields.set('x-cell', t.tag);
  for (const [name, values] of Object.entries(entries)) for (const value of [values].flat()) fields.add(name, value);
  return fields;
}

const deadline = () => ({ deadline: Date.now() + PATIENCE_MS });

const shown = ({ text, data, number }) => `${JSON.stringify(text)} ${number} ${data.length > 0 ? sha256(data).slice(0, 16) : ''}`.trim();
const codeOf = (error) => `${Object.keys(status).find((name) => status[name] === error.code)}: ${error.details}`;

/** Watches a call: its metadata, its status, and what streams; resolves with it when it has a status. */
function watched(t, call, { note = (text) => t.note(text) } = {}) {
  const seen = (fields) => Object.entries(fields.toJSON()).filter(([name]) => name.startsWith('x-')).sort();
  call.on('metadata', (fields) => note(`metadata ${JSON.stringify(seen(fields))}`));
  call.on('data', (piece) => note(`piece ${shown(piece)}`));
  call.on('error', () => {}); // the status says it
  return within(PATIENCE_MS, 'a status', new Promise((resolve) => {
    call.on('status', ({ code, details, metadata: trailers }) => {
      note(`status ${codeOf({ code, details })}, trailers ${JSON.stringify(seen(trailers))}`);
      resolve();
    });
  }));
}

/** One unary call, its end noted. */
function say(t, talk, piece, { fields, options = deadline(), note = (text) => t.note(text) } = {}) {
  let call;
  const answer = new Promise((resolve) => {
    call = talk.Say(piece, metadata(t, fields), options, (error, value) => resolve(error ? undefined : value));
  });
  const done = watched(t, call, { note });
  return { call, done: Promise.all([done, answer]).then(([, value]) => value && note(`answer ${shown(value)}`)) };
}

async function unary(t) {
  const talk = client(t, { say: ({ request }, answer) => answer(null, { ...request, number: request.number + 1 }) });
  for (const piece of [{}, { text: 'hello ä', number: 41 }, { data: seededBytes('unary', 100_000) }]) await say(t, talk, piece).done;
}

async function metadataBothWays(t) {
  const talk = client(t, {
    say: (call, answer, note) => {
      const fields = call.metadata;
      note(`x-text ${fields.get('x-text')}, x-many ${fields.get('x-many')}, x-raw-bin ${fields.get('x-raw-bin').map((bytes) => bytes.toString('hex'))}`);
      note(`user-agent ${/grpc-node-js/.test(fields.get('user-agent'))}, authority ${call.getHost()}`);
      const initial = new Metadata();
      initial.add('x-initial', 'a');
      initial.add('x-initial', 'b');
      call.sendMetadata(initial);
      const trailers = new Metadata();
      trailers.add('x-trailing', 'c, d');
      trailers.add('x-trailing-bin', Buffer.from([0, 255, 10]));
      answer(null, {}, trailers);
    },
  });
  await say(t, talk, {}, { fields: { 'x-text': 'some text', 'x-many': ['1', '2'], 'x-raw-bin': Buffer.from([0, 1, 254, 255]) } }).done;
}

async function errors(t) {
  const talk = client(t, {
    say: ({ request }, answer) => {
      const trailers = new Metadata();
      trailers.set('x-why', 'because');
      answer({ code: request.number, details: `naïve % détails ${request.number}`, metadata: trailers });
    },
  });
  for (const code of [status.INVALID_ARGUMENT, status.NOT_FOUND, status.PERMISSION_DENIED, status.RESOURCE_EXHAUSTED, status.UNAUTHENTICATED, status.INTERNAL, status.UNAVAILABLE]) {
    await say(t, talk, { number: code }).done;
  }
}

async function unimplemented(t) {
  const talk = client(t, {});
  const call = talk.makeUnaryRequest('/conformance.Talk/Nothing', (value) => value, (value) => value, Buffer.alloc(0), metadata(t), deadline(), () => {});
  await watched(t, call);
}

async function serverStream(t) {
  const talk = client(t, {
    list: (call) => {
      for (let i = 0; i < call.request.number; i++) call.write({ text: `piece ${i}`, data: seededBytes(i, i * 10_000) });
      call.end();
    },
  });
  await watched(t, talk.List({ number: 20 }, metadata(t), deadline()));
}

/** The server writes its next piece when the client has the one before. */
async function serverStreamAtOnce(t) {
  let arrived = () => {};
  const talk = client(t, {
    list: async (call) => {
      for (let i = 0; i < 5; i++) {
        const here = new Promise((resolve) => (arrived = resolve));
        call.write({ number: i });
        await within(PATIENCE_MS, 'the client to have it', here);
      }
      call.end();
    },
  });
  const call = talk.List({}, metadata(t), deadline());
  call.on('data', () => arrived());
  await watched(t, call);
}

async function serverStreamFails(t) {
  const talk = client(t, {
    list: (call) => {
      call.write({ text: 'one' });
      call.write({ text: 'two' });
      call.emit('error', { code: status.ABORTED, details: 'in the middle' });
    },
  });
  await watched(t, talk.List({}, metadata(t), deadline()));
}

async function clientStream(t) {
  const talk = client(t, {
    gather: (call, answer) => {
      let sum = 0;
      let bytes = 0;
      call.on('data', ({ number, data }) => {
        sum += number;
        bytes += data.length;
      });
      call.on('end', () => answer(null, { text: `${bytes} bytes`, number: sum }));
    },
  });
  const call = talk.Gather(metadata(t), deadline(), (_, value) => value && t.note(`answer ${shown(value)}`));
  const done = watched(t, call);
  for (let i = 1; i <= 100; i++) call.write({ number: i, data: seededBytes(i, i * 100) });
  call.end();
  await done;
}

/** The server has heard enough, and says so before the client is through. */
async function clientStreamAnsweredEarly(t) {
  const talk = client(t, { gather: (call, answer) => call.once('data', () => answer(null, { text: 'enough' })) });
  const call = talk.Gather(metadata(t), deadline(), (_, value) => value && t.note(`answer ${shown(value)}`));
  const done = watched(t, call);
  call.write({ number: 1 });
  await done;
}

async function chat(t) {
  const talk = client(t, {
    chat: (call) => {
      call.on('data', (piece) => call.write({ ...piece, number: piece.number * 2 }));
      call.on('end', () => call.end());
    },
  });
  const call = talk.Chat(metadata(t), deadline());
  const done = watched(t, call);
  for (let i = 0; i < 10; i++) {
    const back = once(call, 'data');
    call.write({ text: `turn ${i}`, number: i, data: seededBytes(i, i * 5_000) });
    await within(PATIENCE_MS, 'an answer to the turn', back);
  }
  call.end();
  await done;
}

/** Both speak without waiting for each other. */
async function chatAtFullSpeed(t) {
  const count = 500;
  const data = seededBytes('full speed', 10_000);
  let heard = 0;
  const talk = client(t, {
    chat: (call) => {
      call.on('data', () => heard++);
      call.on('end', () => call.end());
      for (let i = 0; i < count; i++) call.write({ number: i, data });
    },
  });
  const call = talk.Chat(metadata(t), deadline());
  let received = 0;
  call.on('data', ({ number }) => {
    if (number === received) received++;
  });
  const done = new Promise((resolve) => call.on('status', resolve));
  for (let i = 0; i < count; i++) call.write({ number: i, data });
  call.end();
  const { code } = await within(PATIENCE_MS, 'a status', done);
  t.note(`status ${code}, ${received} down in order, ${heard} up`);
}

const large = (bytes) => async (t) => {
  const talk = client(t, { say: ({ request }, answer) => answer(null, request) });
  await say(t, talk, { data: seededBytes('large', bytes) }).done;
};

async function tooLarge(t) {
  const cancelled = new Promise((resolve) => (t.cancelled = resolve));
  // More than anything on the way holds, so that the server is not done when the client has seen enough.
  const talk = client(t, { say: (_, answer) => answer(null, { data: Buffer.alloc(8 * MIB) }) }, { 'grpc.max_receive_message_length': 50_000 });
  await say(t, talk, {}).done;
  await within(PATIENCE_MS, 'the server to see it', cancelled);
}

async function deadlinePasses(t) {
  const cancelled = new Promise((resolve) => (t.cancelled = resolve));
  const talk = client(t, { say: () => {} });
  const { done } = say(t, talk, {}, { options: { deadline: Date.now() + 700 }, note: (text) => t.note(text.replace(/exceeded.*/, 'exceeded')) });
  await done;
  await within(PATIENCE_MS, 'the server to see it', cancelled);
}

const cancelled = (when) => async (t) => {
  const seen = new Promise((resolve) => (t.cancelled = resolve));
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  const talk = client(t, {
    list: (call) => {
      if (when === 'streaming') call.write({ text: 'one' });
      begun();
    },
  });
  const call = talk.List({}, metadata(t), deadline());
  const done = watched(t, call);
  await within(PATIENCE_MS, 'the server to have it', isBegun);
  if (when === 'streaming') await within(PATIENCE_MS, 'a piece', once(call, 'data'));
  call.cancel();
  await done;
  await within(PATIENCE_MS, 'the server to see it', seen);
};

async function manyAtOnce(t) {
  const count = 200;
  const talk = client(t, { say: ({ request }, answer) => answer(null, request) });
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, i) => new Promise((resolve) => {
      const data = seededBytes(`many ${i}`, i * 50);
      talk.Say({ number: i, data }, metadata(t), deadline(), (error, value) => resolve(error ? codeOf(error) : value.number === i && value.data.equals(data) ? 'exact' : 'another'));
    })),
  );
  t.note(`${outcomes.filter((outcome) => outcome === 'exact').length} of ${count} exact`);
  t.remark([...new Set(outcomes)].join('; '));
}

/** A stream that is not read must not hold up calls beside it. */
async function stalledBesideCalls(t) {
  const talk = client(t, {
    say: ({ request }, answer) => answer(null, request),
    list: async (call) => {
      for (let i = 0; i < 200 && !call.cancelled; i++) if (!call.write({ data: Buffer.alloc(50_000) })) await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
      call.end();
    },
  });
  const call = talk.List({}, metadata(t), deadline());
  call.on('error', () => {});
  call.once('data', () => call.pause());
  await within(PATIENCE_MS, 'the stream to begin', once(call, 'data'));
  for (let i = 0; i < 20; i++) await say(t, talk, { number: i }).done;
  call.cancel();
}

async function compressed(t) {
  const talk = client(t, { say: ({ request }, answer) => answer(null, request) }, { 'grpc.default_compression_algorithm': 2 });
  await say(t, talk, { text: 'compress me '.repeat(10_000) }).done;
}

async function overTls(t) {
  const talk = client(t, {
    say: ({ request }, answer) => answer(null, request),
    chat: (call) => {
      call.on('data', (piece) => call.write(piece));
      call.on('end', () => call.end());
    },
  }, { front: 'tls' });
  await say(t, talk, { text: 'secure', data: seededBytes('secure', 200_000) }).done;
  const call = talk.Chat(metadata(t), deadline());
  const done = watched(t, call);
  for (let i = 0; i < 5; i++) {
    const back = once(call, 'data');
    call.write({ number: i });
    await within(PATIENCE_MS, 'an answer to the turn', back);
  }
  call.end();
  await done;
}

export const rows = [
  row('unary', unary),
  row('metadata-both-ways', metadataBothWays),
  row('errors', errors),
  row('unimplemented', unimplemented),
  row('server-stream', serverStream),
  row('server-stream-one-by-one', serverStreamAtOnce),
  row('server-stream-fails', serverStreamFails),
  row('client-stream', clientStream),
  row('client-stream-answered-early', clientStreamAnsweredEarly),
  row('chat', chat),
  row('chat-at-full-speed', chatAtFullSpeed, { quiet: true }),
  row('message-of-16-mib', large(16 * MIB)),
  row('message-too-large-for-client', tooLarge),
  row('deadline', deadlinePasses),
  row('cancelled-while-waiting', cancelled('waiting')),
  row('cancelled-while-streaming', cancelled('streaming')),
  row('two-hundred-at-once', manyAtOnce, { quiet: true }),
  row('stalled-beside-calls', stalledBesideCalls, { quiet: true }),
  row('compressed', compressed),
  row('over-tls', overTls, { needs: ['grpc', 'h2'] }),
];
