// The upstream for WebSockets, the `ws` package's server. Run by the suite as a process of its own.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { serveAnswers } from '../lib/answers.mjs';
import { Exchanges } from './exchanges.mjs';

const exchanges = new Exchanges();
let open = 0;

const server = createServer((_, response) => response.writeHead(404, { 'Content-Length': 0 }).end());
const sockets = new WebSocketServer({
  server,
  maxPayload: 64 * 1024 * 1024,
  perMessageDeflate: { threshold: 64 },
  handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
});

/** Path → what it does with a new WebSocket. */
const behaviours = {
  '/ws/echo': (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  '/ws/close': (socket, query) => {
    socket.on('message', () => {
      if (query.get('how') === 'terminate') socket.terminate();
      else if (query.has('code')) socket.close(Number(query.get('code')), query.get('reason') ?? '');
      else socket.close();
    });
  },
  '/ws/ticks': (socket, query) => {
    const timer = setInterval(() => socket.send(`tick ${Date.now()}`), Number(query.get('every')));
    socket.on('close', () => clearInterval(timer));
  },
};

sockets.on('connection', (socket, request) => {
  const exchange = exchanges.begin(request.url, { url: request.url, rawHeaders: request.rawHeaders, extensions: socket.extensions });
  open++;
  socket.on('error', (error) => (exchange.error = error.message));
  socket.on('ping', (data) => (exchange.ping = data.toString()));
  socket.on('close', (code, reason) => {
    open--;
    Object.assign(exchange, { closedAt: Date.now(), closeCode: code, closeReason: reason.toString() });
  });
  const { pathname, searchParams } = new URL(request.url, 'http://upstream');
  if (behaviours[pathname]) behaviours[pathname](socket, searchParams);
  else socket.close(1008, 'no such path');
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('upstream ready'));

serveAnswers({
  facts: ({ tag }) => exchanges.facts(tag),
  await: (args) => exchanges.await(args),
  open: () => open,
});
