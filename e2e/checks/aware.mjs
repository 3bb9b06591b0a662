// WebSockets whose messages the gateway and the agent read and write: with the `ws` package at both ends, compressed on both hops.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { MIB, seededBytes } from '../lib/data.mjs';
import { within } from '../lib/wait.mjs';

const PAIR = {
  gateway: ['--websocket-mode', 'aware', '--websocket-deflate', '--websocket-max-message', '4MiB'],
  agent: ['--websocket-deflate'],
};

async function opened(t, path, options = {}, protocols = []) {
  const socket = new WebSocket(t.pair.url(path, 'ws'), protocols, { perMessageDeflate: { threshold: 64 }, ...options });
  t.cleanup(() => socket.terminate());
  await within(10_000, `a WebSocket at ${path}`, once(socket, 'open'));
  return socket;
}

const nextMessage = (socket) => within(30_000, 'a message', once(socket, 'message'));
const closing = async (socket) => {
  const [code, reason] = await within(20_000, 'the closing', once(socket, 'close'));
  return [code, reason.toString()];
};

/** Each hop agrees for itself; the subprotocol is the upstream's choice. */
async function negotiation(t) {
  const tag = t.tag();
  const socket = await opened(t, `/ws/echo?tag=${tag}`, {}, ['chat.v1', 'chat.v2']);
  assert.equal(socket.protocol, 'chat.v2');
  assert.equal(socket.extensions, 'permessage-deflate');
  const facts = await t.upstreams.webSockets.ask('facts', { tag });
  assert.equal(facts.extensions, 'permessage-deflate', 'what the upstream agreed to with the agent');
  const plain = await opened(t, '/ws/echo', { perMessageDeflate: false });
  assert.equal(plain.extensions, '');
  plain.send('as it is '.repeat(1_000));
  assert.equal((await nextMessage(plain))[0].toString(), 'as it is '.repeat(1_000));
}

async function messages(t) {
  for (const perMessageDeflate of [{ threshold: 0 }, false]) {
    const socket = await opened(t, '/ws/echo', { perMessageDeflate });
    for (const length of [0, 1, 125, 126, 65_535, 65_536, MIB + 1]) {
      // Longer ones of one byte alone are short beyond belief, see ratio below.
      const alike = length <= MIB ? [Buffer.alloc(length, 'a')] : [];
      for (const message of [seededBytes(`aware-${length}`, length), ...alike]) {
        socket.send(message);
        const [echoed, isBinary] = await nextMessage(socket);
        assert.ok(isBinary && echoed.equals(message), `${length} bytes that came back are others`);
      }
      const text = 'ü日😀'.repeat(Math.min(length, 65_536) / 9);
      socket.send(text);
      const [echoed, isBinary] = await nextMessage(socket);
      assert.ok(!isBinary && echoed.toString() === text, `${length} bytes of text that came back are others`);
    }
  }
}

async function fragmentsAndControl(t) {
  const tag = t.tag();
  const socket = await opened(t, `/ws/echo?tag=${tag}`);
  const ponged = within(10_000, 'a pong', once(socket, 'pong'));
  socket.send('one '.repeat(100), { fin: false });
  socket.ping('between');
  socket.send('two', { fin: true });
  assert.equal((await nextMessage(socket))[0].toString(), `${'one '.repeat(100)}two`);
  assert.equal((await ponged)[0].toString(), 'between');
  assert.equal((await t.webSocketFacts(tag, 'ping')).ping, 'between', 'the ping went all the way');
}

async function closeCodes(t) {
  for (const [code, reason] of [[4321, 'bye-ü'], [1000, ''], [3000, 'x'.repeat(123)]]) {
    const tag = t.tag();
    const socket = await opened(t, `/ws/echo?tag=${tag}`);
    const closed = closing(socket);
    socket.close(code, reason);
    assert.deepEqual(await closed, [code, reason]);
    const facts = await t.webSocketFacts(tag, 'closedAt');
    assert.deepEqual([facts.closeCode, facts.closeReason], [code, reason]);
    const other = await opened(t, `/ws/close?code=${code}&reason=${encodeURIComponent(reason)}`);
    other.send('close, please');
    assert.deepEqual(await closing(other), [code, reason]);
  }
  const cut = await opened(t, '/ws/close?how=terminate');
  cut.send('cut the line, please');
  assert.equal((await closing(cut))[0], 1011, 'a connection that was cut is no clean end');
  const tag = t.tag();
  (await opened(t, `/ws/echo?tag=${tag}`)).terminate();
  assert.equal((await t.webSocketFacts(tag, 'closedAt')).closeCode, 1001, 'the upstream hears that the client has gone');
}

async function limit(t) {
  const tag = t.tag();
  const socket = await opened(t, `/ws/echo?tag=${tag}`);
  const closed = closing(socket);
  socket.send(seededBytes('too-long', 5 * MIB));
  assert.equal((await closed)[0], 1009);
  assert.equal((await t.webSocketFacts(tag, 'closedAt')).closeCode, 1011);
}

/** A message that is inflated to more than 1 MiB, and to more than a hundred times what came, is taken for a bomb. */
async function ratio(t) {
  const socket = await opened(t, '/ws/echo');
  const closed = closing(socket);
  socket.send(Buffer.alloc(2 * MIB, 'x'));
  assert.equal((await closed)[0], 1009);
}

export const checks = [
  check('negotiation', negotiation, { needsTunnel: true, pair: PAIR }),
  check('messages', messages, { needsTunnel: true, pair: PAIR }),
  check('fragments-and-control', fragmentsAndControl, { needsTunnel: true, pair: PAIR }),
  check('close-codes', closeCodes, { needsTunnel: true, pair: PAIR }),
  check('limit', limit, { needsTunnel: true, pair: PAIR }),
  check('ratio', ratio, { needsTunnel: true, pair: PAIR }),
];
