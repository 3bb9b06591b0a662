// A client that writes just the bytes it is told to: for what no well-behaved client would do.
import { connect } from 'node:net';
import { once } from 'node:events';
import { within } from './wait.mjs';

const PATIENCE_MS = 10_000;

/** A TCP connection that is read by the piece. */
export class RawClient {
  #buffered = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  static async connect(t, { host, port }) {
    const client = new RawClient(connect({ host, port, noDelay: true }));
    t.cleanup(() => client.destroy());
    await within(PATIENCE_MS, `a connection to port ${port}`, once(client.socket, 'connect'));
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      this.#wake();
    });
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', ended).on('close', ended).on('error', ended);
  }

  write(...pieces) {
    this.socket.write(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
  }

  destroy() {
    this.socket.destroy();
  }

  /** Exactly `count` bytes. */
  async bytes(count) {
    await this.#until(() => this.#buffered.length >= count, `${count} bytes`);
    return this.#take(count);
  }

  /** A head: {startLine, lines, headers: [[lower-case name, value]…]}; `lines` are the fields as they came. */
  async head() {
    await this.#until(() => this.#buffered.includes('\r\n\r\n'), 'a response head');
    const text = this.#take(this.#buffered.indexOf('\r\n\r\n') + 4).toString('latin1');
    const [startLine, ...lines] = text.trimEnd().split('\r\n');
    return { startLine, lines, headers: fields(lines) };
  }

  /** A response with its body: {startLine, headers, body, trailers}. */
  async response({ toHead = false } = {}) {
    const head = await this.head();
    const value = (name) => head.headers.find(([key]) => key === name)?.[1];
    const status = Number(head.startLine.split(' ')[1]);
    if (toHead || status === 204 || status === 304 || status < 200) return { ...head, body: Buffer.alloc(0), trailers: [] };
    if (/chunked/i.test(value('transfer-encoding') ?? '')) return { ...head, ...(await this.#chunks()) };
    return { ...head, body: await this.bytes(Number(value('content-length') ?? 0)), trailers: [] };
  }

  async #chunks() {
    const pieces = [];
    for (;;) {
      const size = parseInt(await this.#line(), 16);
      if (size === 0) break;
      pieces.push(await this.bytes(size));
      await this.bytes(2);
    }
    const lines = [];
    for (let line = await this.#line(); line !== ''; line = await this.#line()) lines.push(line);
    return { body: Buffer.concat(pieces), trailers: fields(lines) };
  }

  async #line() {
    await this.#until(() => this.#buffered.includes('\r\n'), 'a line');
    return this.#take(this.#buffered.indexOf('\r\n') + 2).toString('latin1').trimEnd();
  }

  /** Whatever comes until the other side closes. */
  async rest() {
    await this.#until(() => this.#ended, 'the end of the connection');
    return this.#take(this.#buffered.length);
  }

  #take(count) {
    const taken = this.#buffered.subarray(0, count);
    this.#buffered = this.#buffered.subarray(count);
    return taken;
  }

  async #until(condition, what) {
    const met = (async () => {
      while (!condition()) {
        if (this.#ended && !condition()) throw new Error(`the connection ended before ${what} came, after: ${JSON.stringify(this.#buffered.toString('latin1').slice(0, 300))}`);
        await new Promise((resolve) => (this.#wake = resolve));
      }
    })();
    await within(PATIENCE_MS, what, met);
  }
}

function fields(lines) {
  return lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
}
