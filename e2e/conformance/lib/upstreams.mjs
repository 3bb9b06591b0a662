// The servers at the end of every path. They run in this process, so that a row has both ends in its hands.
import { createServer } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { RawClient } from '../../lib/raw.mjs';
import { freePorts } from '../../lib/wait.mjs';
import { sha256 } from '../../lib/data.mjs';
import { pairs, requestLines } from './fields.mjs';

const MAX_HEAD_BYTES = 128 * 1024;
/** Longer than any run: no row is to meet a pooled connection that the server is just closing, but one that makes it do so. */
const KEEP_ALIVE_MS = 600_000;

export const portOf = (server) => server.address().port;

/** Where a request belongs: the cell's tag is the first segment of its path, or in a field of its own. */
const tagOf = (url, headers) => /^(?:https?:\/\/[^/]*)?\/(?:raw\/|dead\/)?(c\d{5})/.exec(url)?.[1] ?? headers['x-cell'];

/** What is seen at the upstream of a cell goes into a lane for each exchange; into none if there are too many of them. */
export const noteOf = (cell, lane) => (text) => {
  if (!cell.isQuiet) cell.transcript.note(lane, text);
};

/** One request at the upstream and what becomes of it, written down in a lane of its cell. */
export class UpstreamExchange {
  constructor(cell, request, response) {
    this.cell = cell;
    this.request = request;
    this.response = response;
    this.lane = `upstream ${++cell.exchanges}`;
    /** Whether it is chance if the request had ended when the answer did. */
    this.mayEndOpen = false;
    const { method, url } = request;
    this.note(`${method} ${url}`);
    for (const line of requestLines(pairs(request.rawHeaders), { isHttp2: cell.isHttp2 })) this.note(line);
    /** Resolves when the answer is out or the connection gone. */
    this.closed = once(response, 'close').then(() => {
      if (!this.mayEndOpen) this.note(request.complete ? 'request whole' : 'request cut off');
      const isWhole = response.stream ? response.stream.rstCode === 0 : response.writableFinished;
      this.note(isWhole ? 'answered to the end' : 'answer cut off');
    });
    request.on('error', () => {}); // it is noted as cut off
    response.on('error', () => {});
  }

  note(text) {
    noteOf(this.cell, this.lane)(text);
  }

  /** Reads the request's body to its end, notes it, and gives it back. */
  async body() {
    const chunks = [];
    for await (const chunk of this.request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    this.note(`body of ${body.length} bytes, sha256 ${sha256(body).slice(0, 16)}`);
    const trailers = pairs(this.request.rawTrailers);
    for (const [name, value] of trailers) this.note(`trailer ${name.toLowerCase()}: ${value}`);
    return body;
  }

  /** Answers with a text. */
  answer(text = 'hello\n', { status = 200, headers = {} } = {}) {
    this.response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(text), ...headers });
    this.response.end(text);
  }

  /** Writes a piece and resolves when the kernel has it. */
  write(piece) {
    return new Promise((resolve, reject) => this.response.write(piece, (error) => (error ? reject(error) : resolve())));
  }
}

/** All upstreams of a run. */
export class Upstreams {
  #cells = new Map();
  #sockets = new Set();
  #servers = [];

  static async start({ cert, key }) {
    const upstreams = new Upstreams();
    upstreams.web = await upstreams.#listen(createServer(
      { maxHeaderSize: MAX_HEAD_BYTES, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, headersTimeout: 0, highWaterMark: 64 * 1024 },
    ));
    const settings = { enableConnectProtocol: true };
    upstreams.secure = await upstreams.#listen(createSecureServer(
      { allowHTTP1: true, settings, cert: readFileSync(cert), key: readFileSync(key), maxHeaderSize: MAX_HEAD_BYTES },
    ));
    upstreams.h2c = await upstreams.#listen(createHttp2Server({ settings }));
    for (const server of [upstreams.web, upstreams.secure, upstreams.h2c]) upstreams.#dispatch(server);
    const raw = await upstreams.#listen(createTcpServer({ noDelay: true }, (socket) => upstreams.#serveRaw(socket)));
    const tcp = await upstreams.#listen(createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => upstreams.#serveTcp(socket)));
    const [dead, socketio, grpc, grpcSecure, kubernetes] = await freePorts(5);
    /** Service → port. Nobody ever listens at `dead`; at `socketio`, `grpc` and `kubernetes`, rows start their own servers. */
    upstreams.ports = { web: portOf(upstreams.web), raw: portOf(raw), tcp: portOf(tcp), dead, socketio, grpc, grpcSecure, kubernetes };
    return upstreams;
  }

  /** Has requests of this cell go to its handlers, until it is over. */
  add(cell) {
    this.#cells.set(cell.tag, cell);
  }

  remove(cell) {
    this.#cells.delete(cell.tag);
  }

  async #listen(server) {
    this.#servers.push(server);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  #dispatch(server) {
    const handle = (request, response, expectation) => {
      const cell = this.#cells.get(tagOf(request.url, request.headers));
      if (!cell?.handler) {
        response.writeHead(404, { 'Content-Length': 0 }).end();
        return;
      }
      const exchange = new UpstreamExchange(cell, request, response);
      cell.open.add(exchange);
      exchange.closed.then(() => cell.open.delete(exchange));
      exchange.expectation = expectation;
      cell.run(exchange.lane, () => cell.handler(exchange));
    };
    server.on('request', handle);
    server.on('checkContinue', (request, response) => handle(request, response, '100-continue'));
    server.on('upgrade', (request, socket, early) => {
      const cell = this.#cells.get(tagOf(request.url, request.headers));
      socket.on('error', () => {});
      if (!cell?.upgradeHandler) {
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      const lane = `upstream ${++cell.exchanges}`;
      const note = noteOf(cell, lane);
      note(`${request.method} ${request.url}`);
      note(`upgrade ${request.headers.upgrade}`);
      const fields = pairs(request.rawHeaders).filter(([name]) => name.toLowerCase() !== 'sec-websocket-key');
      for (const line of requestLines(fields)) note(line);
      cell.run(lane, () => cell.upgradeHandler({ cell, request, socket, early, note }));
    });
    server.on('connect', (request, response) => {
      const { stream } = request;
      const cell = this.#cells.get(tagOf(request.url, request.headers));
      if (!cell?.connectHandler || !stream) {
        (stream ? response : request.socket).end();
        return;
      }
      stream.on('error', () => {});
      const lane = `upstream ${++cell.exchanges}`;
      cell.run(lane, () => cell.connectHandler({ cell, stream, headers: request.headers, note: noteOf(cell, lane) }));
    });
    server.on('clientError', (_, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
  }

  /** Reads heads off a connection and hands each to its cell, which reads and writes what follows by itself. */
  async #serveRaw(socket) {
    const peer = new RawClient(socket);
    while (!socket.destroyed) {
      let head;
      try {
        head = await peer.head();
      } catch {
        socket.destroy(); // the pool at the other end has let it go, or nothing has come for a while
        return;
      }
      const [, url] = head.startLine.split(' ');
      const cell = this.#cells.get(tagOf(url, Object.fromEntries(head.headers)));
      if (!cell?.rawHandler) {
        socket.destroy();
        return;
      }
      const lane = `upstream ${++cell.exchanges}`;
      const note = noteOf(cell, lane);
      note(head.startLine.replace(/ HTTP\/1\.[01]$/, ''));
      await cell.run(lane, () => cell.rawHandler({ cell, peer, socket, head, note }));
    }
  }

  /** Such connections name no cell: there is one at a time that takes them. */
  #serveTcp(socket) {
    const cell = [...this.#cells.values()].find(({ tcpHandler }) => tcpHandler);
    if (!cell) {
      socket.destroy();
      return;
    }
    const lane = `upstream ${++cell.exchanges}`;
    cell.run(lane, () => cell.tcpHandler({ cell, socket, note: noteOf(cell, lane) }));
  }

  stop() {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
