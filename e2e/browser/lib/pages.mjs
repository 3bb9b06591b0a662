// The service behind the agent `pages`: what the browser loads, and what its scripts talk to. In this process, so that checks see both ends.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const page = (name) => readFileSync(new URL(`../pages/${name}.html`, import.meta.url));

export class Pages {
  #waiters = new Set();

  static async start() {
    const pages = new Pages();
    pages.http = createServer((request, response) => pages.#handle(request, response));
    pages.chat = new Server(pages.http, { connectionStateRecovery: {} });
    pages.chat.on('connection', (socket) => pages.#joined(socket));
    pages.http.listen(0, '127.0.0.1');
    await once(pages.http, 'listening');
    pages.port = pages.http.address().port;
    return pages;
  }

  constructor() {
    /** What has happened, as words: checks wait for them. */
    this.facts = [];
  }

  /** Resolves when a fact is known. */
  async fact(word) {
    while (!this.facts.includes(word)) await new Promise((resolve) => this.#waiters.add(resolve));
  }

  #know(word) {
    this.facts.push(word);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  /** Says something in the chat, as somebody who is not there by a browser. */
  say(from, text) {
    this.chat.emit('said', { from, text });
  }

  #joined(socket) {
    const { name } = socket.handshake.auth;
    this.chat.emit('people', this.chat.of('/').sockets.size);
    socket.on('say', (text) => this.say(name, text));
    socket.on('disconnect', () => this.chat.emit('people', this.chat.of('/').sockets.size));
  }

  async #handle(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://pages');
    response.on('close', () => {
      if (!response.writableFinished) this.#know(`cut off ${pathname}`);
    });
    const html = (name) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(page(name));
    switch (pathname) {
      case '/chat':
      case '/desk':
      case '/plain':
        html(pathname.slice(1));
        break;
      case '/events': // three at a time; the browser comes again for more
        response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        this.#know(`events from ${request.headers['last-event-id'] ?? 'the start'}`);
        this.events = response;
        response.flushHeaders();
        break;
      case '/pieces':
        response.writeHead(200, { 'Content-Type': 'text/plain' });
        for (const piece of ['one', 'two', 'three']) {
          response.write(piece);
          await this.fact(`arrived ${piece}`);
        }
        response.end();
        break;
      case '/arrived':
        this.#know(`arrived ${searchParams.get('what')}`);
        response.writeHead(204).end();
        break;
      case '/upload':
        await this.#upload(request, response);
        break;
      case '/idle':
        response.writeHead(200, { 'Content-Type': 'text/plain' });
        response.write('begun');
        break;
      case '/cached':
        if (request.headers['if-none-match'] === '"v1"') {
          this.#know('revalidated');
          response.writeHead(304, { ETag: '"v1"' }).end();
        } else {
          response.writeHead(200, { ETag: '"v1"', 'Cache-Control': 'no-cache', 'Content-Length': 6 }).end('cached');
        }
        break;
      case '/login':
        response.writeHead(302, [['Set-Cookie', 'session=abc; Path=/; HttpOnly'], ['Set-Cookie', 'theme=dark; Path=/'], ['Location', '/whoami']].flat()).end();
        break;
      case '/whoami':
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end(request.headers.cookie ?? 'nobody');
        break;
      default:
        response.writeHead(404, { 'Content-Length': 0 }).end();
    }
  }

  async #upload(request, response) {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of request) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes === chunk.length) this.#know('upload begun');
    }
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
  }

  async stop() {
    this.chat.close();
    this.http.closeAllConnections();
  }
}
