// undici, the client inside Node's fetch: pools, pipelines, streams, signals.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Client, EventSource, FormData, Pool, RetryAgent, Agent, fetch, pipeline, request, stream, upgrade } from 'undici';
import { acceptOf } from '../../lib/frames.mjs';
import { ms, percentile, seededBytes, seededNumbers, sha256 } from '../../lib/data.mjs';
import { pause, within } from '../../lib/wait.mjs';

import { row } from '../lib/matrix.mjs';

const PATIENCE_MS = 10_000;
const MANY = 1_000;

const echo = async ({ request: received, response }) => {
  const chunks = [];
  for await (const chunk of received) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  response.writeHead(200, { 'Content-Length': body.length }).end(body);
};

const reply = async (exchange) => {
  await exchange.body();
  exchange.answer();
};

function origin(t) {
  const { host, port } = t.address();
  return `http://${host}:${port}`;
}

/** A dispatcher that ends with the cell. */
function dispatcherOf(t, dispatcher) {
  t.cleanup(() => dispatcher.destroy());
  return dispatcher;
}

async function noteResponse(t, { statusCode, headers, body, trailers }) {
  const bytes = Buffer.from(await body.arrayBuffer());
  t.noteResponse({ status: statusCode, headers: Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each])), body: bytes, trailers: Object.entries(trailers ?? {}) });
}

async function requests(t) {
  t.serve(reply);
  const dispatcher = dispatcherOf(t, new Pool(origin(t)));
  for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
    await noteResponse(t, await request(t.url(`/${method}`), { dispatcher, method, ...(method !== 'GET' && { body: 'some text' }) }));
  }
}

async function pipelining(t) {
  t.serve(echo);
  const client = dispatcherOf(t, new Client(origin(t), { pipelining: 10 }));
  const bodies = Array.from({ length: 50 }, (_, i) => `pipelined ${i} `.repeat(i));
  const answers = await Promise.all(
    bodies.map(async (body, i) => {
      const { statusCode, body: received } = await client.request({ path: t.path(`/${i}`), method: 'PUT', body, idempotent: true, blocking: false });
      return `${statusCode} ${(await received.text()) === body ? 'exact' : 'another'}`;
    }),
  );
  for (const answer of answers) t.note(answer);
}

const atOnce = (count, bytes) => async (t) => {
  t.serve(echo);
  const next = seededNumbers(count);
  const bodies = Array.from({ length: count }, (_, i) => Buffer.concat([Buffer.from(`${i}:`), seededBytes(`many-${i}`, next(bytes))]));
  const dispatcher = dispatcherOf(t, new Agent({ connections: null, pipelining: 1 }));
  const timed = async (body, i) => {
    const startedAt = performance.now();
    try {
      const response = await request(t.url(`/${i}`), { method: 'POST', body, dispatcher });
      const received = Buffer.from(await response.body.arrayBuffer());
      return { outcome: response.statusCode === 200 && received.equals(body) ? 'exact' : `status ${response.statusCode}`, took: performance.now() - startedAt };
    } catch (error) {
      return { outcome: error.code ?? error.message, took: performance.now() - startedAt };
    }
  };
  await timed(bodies[0], 'first'); // the first pays for what all use
  const alone = await timed(bodies[0], 'alone');
  const results = await Promise.all(bodies.map(timed));
  const counts = new Map();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  for (const [outcome, times] of [...counts].sort()) t.note(`${times} of ${count} ${outcome}`);
  const took = results.map((result) => result.took);
  t.remark(`alone ${ms(alone.took)}; ${count} at once p50 ${ms(percentile(took, 0.5))}, p99 ${ms(percentile(took, 0.99))}`);
};

async function trailers(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    exchange.response.writeHead(200, { Trailer: 'X-Checksum' });
    exchange.response.write('body');
    exchange.response.addTrailers({ 'X-Checksum': 'abc' });
    exchange.response.end();
  });
  const response = await request(t.url('/trailers'), { dispatcher: dispatcherOf(t, new Pool(origin(t))) });
  const text = await response.body.text();
  t.note(`status ${response.statusCode}, body ${text}, trailers ${JSON.stringify(response.trailers)}`);
}

const aborted = (when) => async (t) => {
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  t.serve(async (exchange) => {
    begun();
    if (when === 'body') {
      exchange.response.writeHead(200, { 'Content-Type': 'text/plain' });
      exchange.response.write('the beginning');
    }
    await exchange.closed;
  });
  const controller = new AbortController();
  const sent = request(t.url(`/${when}`), { dispatcher: dispatcherOf(t, new Pool(origin(t))), signal: controller.signal });
  sent.catch(() => {});
  await within(PATIENCE_MS, 'the upstream to have it', isBegun);
  let body;
  if (when === 'body') {
    ({ body } = await sent);
    await within(PATIENCE_MS, 'the beginning', once(body, 'readable'));
    body.on('error', () => {});
  }
  controller.abort();
  t.note(await within(PATIENCE_MS, 'the end', (when === 'body' ? body.text() : sent).then(() => 'no error', (error) => error.name)));
  await t.settled();
};

async function bodyStreams(t) {
  t.serve(reply);
  const dispatcher = dispatcherOf(t, new Pool(origin(t)));
  async function* generated() {
    for (let i = 0; i < 20; i++) {
      yield seededBytes(`generated ${i}`, 5_000);
      if (i % 5 === 0) await pause(1);
    }
  }
  await noteResponse(t, await request(t.url('/generator'), { dispatcher, method: 'POST', body: generated() }));
  await noteResponse(t, await request(t.url('/readable'), { dispatcher, method: 'POST', body: Readable.from([Buffer.from('a'), Buffer.from('b')]) }));
  await noteResponse(t, await request(t.url('/bytes'), { dispatcher, method: 'POST', body: new Uint8Array(70_000) }));
  const form = new FormData();
  form.append('text', 'välue');
  form.append('file', new Blob([seededBytes('blob', 10_000)]), 'näme.bin');
  t.transcript.name(/formdata-undici-\d+/g, 'BOUNDARY');
  t.serve(async (exchange) => {
    let length = 0;
    for await (const chunk of exchange.request) length += chunk.length;
    exchange.note(`form of ${length} bytes`);
    exchange.answer();
  });
  await noteResponse(t, await request(t.url('/form'), { dispatcher, method: 'POST', body: form }));
}

async function streamed(t) {
  t.serve(({ response }) => response.writeHead(200, { 'Content-Length': 3_000_000 }).end(seededBytes('streamed', 3_000_000)));
  const hash = createHash('sha256');
  await stream(t.url('/streamed'), { dispatcher: dispatcherOf(t, new Pool(origin(t))) }, ({ statusCode }) => {
    t.note(`status ${statusCode}`);
    return hash;
  });
  t.note(hash.read().toString('hex'));
}

/** Up and down at once, through a duplex stream. */
async function piped(t) {
  t.serve(async ({ request: received, response }) => {
    response.writeHead(200);
    response.flushHeaders();
    for await (const chunk of received) response.write(chunk);
    response.end();
  });
  const duplex = pipeline(t.url('/piped'), { dispatcher: dispatcherOf(t, new Pool(origin(t))), method: 'POST' }, ({ body }) => body);
  t.cleanup(() => duplex.destroy());
  for (let i = 0; i < 5; i++) {
    duplex.write(`piece ${i}`);
    let received = '';
    while (received.length < 7) {
      const chunk = duplex.read();
      if (chunk === null) await within(PATIENCE_MS, `piece ${i}`, once(duplex, 'readable'));
      else received += chunk;
    }
    t.note(received);
  }
  duplex.end();
  await within(PATIENCE_MS, 'the end', once(duplex.resume(), 'end'));
  t.note('end');
}

async function pooled(t) {
  t.serve(reply);
  const pool = dispatcherOf(t, new Pool(origin(t), { connections: 2 }));
  let connections = 0;
  pool.on('connect', () => connections++);
  for (let i = 0; i < 20; i++) await (await request(t.url(`/${i}`), { dispatcher: pool })).body.dump();
  t.note(`20 requests in a row over ${connections} connections`);
}

async function fetched(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    exchange.answer('{"a":"ä"}', { headers: { 'Content-Type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'] } });
  });
  const dispatcher = dispatcherOf(t, new Agent());
  const response = await fetch(t.url('/fetch?q=ä b'), { dispatcher, method: 'POST', body: JSON.stringify({ x: 1 }), headers: { 'Content-Type': 'application/json' } });
  t.note(`status ${response.status}, ${response.headers.getSetCookie().join(' ')}, ${JSON.stringify(await response.json())}`);
}

async function fetchedHalfDuplex(t) {
  t.serve(reply);
  const body = new ReadableStream({
    async start(controller) {
      for (const piece of ['one ', 'two ', 'three']) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
  const response = await fetch(t.url('/half'), { dispatcher: dispatcherOf(t, new Agent()), method: 'POST', body, duplex: 'half' });
  t.note(`status ${response.status}, ${await response.text()}`);
}

async function redirected(t) {
  t.serve(async (exchange) => {
    const count = Number(exchange.request.url.split('/').at(-1));
    if (count > 0) exchange.answer('', { status: 302, headers: { Location: String(count - 1) } });
    else exchange.answer('there');
  });
  const response = await fetch(t.url('/5'), { dispatcher: dispatcherOf(t, new Agent()) });
  t.note(`status ${response.status} at ${new URL(response.url).pathname}, redirected ${response.redirected}, ${await response.text()}`);
}

/** Whether a client that tries again on 503 and Retry-After gets what it wants. */
async function retried(t) {
  let count = 0;
  t.serve((exchange) => {
    if (++count < 3) exchange.answer('', { status: 503, headers: { 'Retry-After': '0' } });
    else exchange.answer('at last');
  });
  const dispatcher = dispatcherOf(t, new RetryAgent(new Agent(), { minTimeout: 1, maxTimeout: 5 }));
  const response = await request(t.url('/retried'), { dispatcher });
  t.note(`status ${response.statusCode}, ${await response.body.text()}, after ${count} requests`);
}

async function expecting(t) {
  t.serve(async (exchange) => {
    if (exchange.expectation) exchange.response.writeContinue();
    await exchange.body();
    exchange.answer();
  });
  const client = dispatcherOf(t, new Client(origin(t)));
  await noteResponse(t, await client.request({ path: t.path('/expecting'), method: 'POST', body: 'with leave', expectContinue: true }));
}

async function informed(t) {
  t.serve((exchange) => {
    exchange.response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
    exchange.answer();
  });
  const client = dispatcherOf(t, new Client(origin(t)));
  const response = await client.request({ path: t.path('/informed'), method: 'GET', onInfo: ({ statusCode, headers }) => t.note(`first ${statusCode} ${headers.link}`) });
  await noteResponse(t, response);
}

async function upgraded(t) {
  t.serveUpgrade(({ request: received, socket }) => {
    const accept = acceptOf(received.headers['sec-websocket-key']);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.pipe(socket);
  });
  const { headers, socket } = await upgrade(t.url('/upgraded'), {
    dispatcher: dispatcherOf(t, new Pool(origin(t))),
    protocol: 'websocket',
    headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' },
  });
  t.cleanup(() => socket.destroy());
  t.note(`upgrade ${headers.upgrade}, accept ${headers['sec-websocket-accept']}`);
  socket.write('any bytes');
  t.note(`echo ${(await within(PATIENCE_MS, 'the echo', once(socket, 'data')))[0]}`);
}

/** The browser's client for server-sent events: it comes back by itself, and says where it was. */
async function eventSource(t) {
  let times = 0;
  t.serve((exchange) => {
    exchange.note(`last event ${exchange.request.headers['last-event-id'] ?? 'none'}`);
    times++;
    exchange.response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    exchange.response.write(`retry: 10\nid: ${times}\ndata: visit ${times}\n\n`);
    if (times < 3) exchange.response.end();
  });
  const source = new EventSource(t.url('/events'), { dispatcher: dispatcherOf(t, new Agent()) });
  t.cleanup(() => source.close());
  const messages = [];
  await within(PATIENCE_MS, 'three events', new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => {
      messages.push(`${lastEventId}: ${data}`);
      if (messages.length === 3) resolve();
    };
  }));
  for (const message of messages) t.note(message);
  source.close();
  await t.settled();
}

async function compressed(t) {
  const { gzipSync } = await import('node:zlib');
  const body = gzipSync(seededBytes('compressed', 50_000).toString('base64'));
  t.serve(({ response }) => response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' }).end(body));
  const response = await fetch(t.url('/gzip'), { dispatcher: dispatcherOf(t, new Agent()) });
  t.note(`status ${response.status}, ${response.headers.get('content-encoding')}, ${sha256(await response.text())}`);
}

export const rows = [
  row('requests', requests),
  row('pipelining-10', pipelining, { quiet: true }),
  row('concurrency-50', atOnce(50, 100_000), { quiet: true }),
  row('thousand-at-once', atOnce(MANY, 16_384), { quiet: true, timeoutMs: 60_000 }),
  row('trailers', trailers),
  row('abort-before-head', aborted('head')),
  row('abort-in-body', aborted('body')),
  row('body-streams', bodyStreams),
  row('stream', streamed),
  row('pipeline-duplex', piped),
  row('pool-keeps-connections', pooled),
  row('fetch-json', fetched),
  row('fetch-half-duplex', fetchedHalfDuplex),
  row('fetch-redirected', redirected),
  row('fetch-gzip', compressed),
  row('retry-agent', retried),
  row('expect-continue', expecting),
  row('early-hints', informed),
  row('upgrade', upgraded, { webSocket: true }),
  row('event-source', eventSource),
];
