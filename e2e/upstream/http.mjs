// The upstream for plain HTTP, and for upgrades done by hand. Run by the suite as a process of its own.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { seededBytes, seededBlocks } from '../lib/data.mjs';
import { acceptOf, frame, readFrame, BINARY, TEXT } from '../lib/frames.mjs';
import { serveAnswers } from '../lib/answers.mjs';
import { Exchanges } from './exchanges.mjs';

const exchanges = new Exchanges();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** The request targets that are being answered. */
const running = new Set();
let mostRunning = 0;

/** Path → what it does with (request, response, query, exchange). */
const routes = {
  '/hello': (_, response) => answer(response, 200, 'text/plain', 'hello\n'),
  '/empty': (_, response) => answer(response, 200, 'text/plain', ''),
  '/no-content': (_, response) => response.writeHead(204, { 'X-Seen': 'yes' }).end(),
  '/not-modified': (_, response) => response.writeHead(304, { ETag: '"v1"' }).end(),
  '/sized': (request, response, query) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': query.get('bytes') });
    response.end(request.method === 'HEAD' ? undefined : seededBytes('sized', Number(query.get('bytes'))));
  },
  '/duplicates': (_, response) => {
    response.writeHead(200, [
      ['Set-Cookie', 'a=1; Path=/'],
      ['X-Between', '1'],
      ['Set-Cookie', 'b=2; Path=/'],
      ['Set-Cookie', 'c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT'],
      ['X-Many', 'one'],
      ['X-Many', 'two, three'],
      ['X-Many', ''],
      ['Content-Length', '0'],
    ].flat());
    response.end();
  },
  '/trailers': (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'X-Checksum, X-Rows' });
    response.write('body\n');
    response.addTrailers({ 'X-Checksum': 'abc123', 'X-Rows': '7' });
    response.end();
  },
  '/gzip': (_, response) => {
    const packed = gzipSync(Buffer.from('tunnel '.repeat(5_000)));
    response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': packed.length, 'Content-Type': 'text/plain' });
    response.end(packed);
  },
  '/until-close': (_, response) => {
    response.shouldKeepAlive = false;
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    response.end(seededBytes('until-close', 300_000));
  },
  '/hints': (_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => answer(response, 200, 'text/plain', 'hinted\n'));
  },
  '/inspect': async (request, response, _, exchange) => {
    const received = await drained(request, exchange);
    const { method, url, rawHeaders, rawTrailers } = request;
    answer(response, 200, 'application/json', JSON.stringify({ method, url, rawHeaders, rawTrailers, ...received }));
  },
  '/echo': async (request, response, _, exchange) => {
    const length = request.headers['content-length'];
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', ...(length && { 'Content-Length': length }) });
    for await (const chunk of counted(request, exchange)) {
      if (!response.write(chunk)) await writable(response);
    }
    response.end();
  },
  '/sink': async (request, response, _, exchange) => {
    answer(response, 200, 'application/json', JSON.stringify(await drained(request, exchange)));
  },
  '/source': async (_, response, query, exchange) => {
    const bytes = Number(query.get('bytes'));
    const framing = query.has('chunked') ? {} : { 'Content-Length': bytes };
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', ...framing });
    for (const block of seededBlocks(query.get('seed'), bytes)) {
      exchange.responseHash.update(block);
      if (!response.write(block)) await writable(response);
      if (response.destroyed) return;
    }
    response.end();
  },
  '/events': async (_, response, query) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    for (let i = 0; i < Number(query.get('count')) && !response.destroyed; i++) {
      response.write(`id: ${i}\ndata: ${JSON.stringify({ sentAt: Date.now() })}\n\n`);
      await pause(Number(query.get('every')));
    }
    response.end();
  },
  '/drip': async (_, response, query) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    while (!response.destroyed) {
      response.write(Buffer.alloc(Number(query.get('bytes')), 'x'));
      await pause(Number(query.get('every')));
    }
  },
  '/silent': () => {},
  '/slow': async (_, response, query) => {
    await pause(Number(query.get('ms')));
    answer(response, 200, 'text/plain', 'slow\n');
  },
  '/slow-echo': async (request, response, query, exchange) => {
    const chunks = [];
    for await (const chunk of counted(request, exchange)) chunks.push(chunk);
    await pause(Number(query.get('ms')));
    const body = Buffer.concat(chunks);
    response.writeHead(200, { 'Content-Length': body.length }).end(body);
  },
  '/die': (_, response, query) => {
    const framing = query.get('framing') === 'length' ? { 'Content-Length': 1_000_000 } : {};
    response.writeHead(200, framing);
    response.write(Buffer.alloc(Number(query.get('after')), 'd'), () => {
      setTimeout(() => (query.get('how') === 'reset' ? response.socket.resetAndDestroy() : response.socket.destroy()), 100);
    });
  },
  '/die-before-head': (_, response) => response.socket.destroy(),
  '/early': (_, response) => {
    response.writeHead(413, { 'Content-Type': 'text/plain', 'Content-Length': 10, Connection: 'close' }).end('too large\n');
  },
};

/** Path → what it does with an upgrade request: (request, socket, bytes behind the head). */
const upgrades = {
  '/upgrade/speak-first': (request, socket, early) => {
    const greeting = frame(TEXT, 'the server speaks first');
    socket.write(Buffer.concat([switching(request), greeting]));
    echoFrames(socket, early);
  },
  '/upgrade/echo': (request, socket, early) => {
    socket.write(switching(request));
    echoFrames(socket, early);
  },
  '/upgrade/refuse': (_, socket) => {
    const body = '{"error":"not here"}';
    socket.end(
      'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-Reason: because\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  },
  '/upgrade/silent': (_, socket) => socket.resume().on('end', () => socket.end()),
  '/upgrade/wrong-accept': (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm9wZQ==\r\n\r\n');
  },
};

const server = createServer({ keepAlive: true, requestTimeout: 0, highWaterMark: 64 * 1024 }, handle);
server.on('checkContinue', (request, response) => {
  if (request.url.startsWith('/refuse-expectation')) {
    response.writeHead(417, { 'Content-Length': 0, Connection: 'close' }).end();
    return;
  }
  response.writeContinue();
  handle(request, response, { sawExpect: true });
});
server.on('upgrade', (request, socket, early) => {
  const exchange = exchanges.begin(request.url, { url: request.url, rawHeaders: request.rawHeaders, early: early.length });
  socket.on('error', (error) => (exchange.error = error.code));
  socket.on('close', () => (exchange.closedAt = Date.now()));
  const path = request.url.split('?')[0];
  if (upgrades[path]) upgrades[path](request, socket, early);
  else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
});
server.on('clientError', (error, socket) => socket.destroy());
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('upstream ready'));

serveAnswers({
  facts: ({ tag }) => exchanges.facts(tag),
  await: (args) => exchanges.await(args),
  concurrency: () => {
    const most = mostRunning;
    mostRunning = running.size;
    return { running: [...running].map(({ url }) => url), most };
  },
});

function handle(request, response, extra = {}) {
  const exchange = exchanges.begin(request.url, {
    method: request.method,
    url: request.url,
    rawHeaders: request.rawHeaders,
    sawExpect: false,
    ...extra,
  });
  Object.defineProperty(exchange, 'socket', { value: request.socket, enumerable: true });
  running.add(request);
  mostRunning = Math.max(mostRunning, running.size);
  request.on('end', () => (exchange.requestComplete = true));
  request.on('error', (error) => (exchange.requestError = error.code));
  response.on('error', (error) => (exchange.responseError = error.code));
  response.on('close', () => {
    running.delete(request);
    exchange.closedAt = Date.now();
  });
  const [path, query] = request.url.split(/\?(.*)/s);
  const route = routes[path] ?? (path.startsWith('/odd') ? routes['/inspect'] : undefined);
  if (!route) {
    answer(response, 404, 'text/plain', `no route ${path}\n`);
    return;
  }
  Promise.resolve(route(request, response, new URLSearchParams(query), exchange)).catch((error) => {
    exchange.routeError = error.code ?? error.message;
    response.destroy();
  });
}

function answer(response, status, type, text) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }).end(text);
}

/** The request's body, each chunk counted and hashed as the route takes it. */
async function* counted(request, exchange) {
  for await (const chunk of request) {
    exchange.requestBytes += chunk.length;
    exchange.requestHash.update(chunk);
    yield chunk;
  }
}

/** Reads the body to its end: {bytes, sha256}. */
async function drained(request, exchange) {
  for await (const _ of counted(request, exchange));
  return { bytes: exchange.requestBytes, sha256: exchange.requestHash.copy().digest('hex') };
}

function writable(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function switching(request) {
  const accept = acceptOf(request.headers['sec-websocket-key']);
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

/** Sends each frame's payload back, unmasked, until the connection ends. */
async function echoFrames(socket, early) {
  let buffered = early;
  let wake = () => {};
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    wake();
  });
  const source = {
    async bytes(count) {
      while (buffered.length < count) await new Promise((resolve) => (wake = resolve));
      const taken = buffered.subarray(0, count);
      buffered = buffered.subarray(count);
      return taken;
    },
  };
  while (!socket.destroyed) {
    const { opcode, payload } = await readFrame(source);
    socket.write(frame(opcode === TEXT ? TEXT : BINARY, payload));
  }
}
