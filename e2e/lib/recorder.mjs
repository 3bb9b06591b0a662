// A TCP relay between an agent and a gateway, that counts and remembers, and can cut the line.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

/** Passes bytes on, and keeps the time and the first line of what each connection was answered. */
export class Recorder {
  #sockets = new Set();

  static async start(t, targetPort) {
    const recorder = new Recorder(targetPort);
    t.cleanup(() => recorder.stop());
    recorder.server.listen(0, '127.0.0.1');
    await once(recorder.server, 'listening');
    recorder.port = recorder.server.address().port;
    return recorder;
  }

  constructor(targetPort) {
    /** One entry a connection: {at, answer}. */
    this.connections = [];
    this.server = createServer((socket) => this.#relay(socket, connect({ host: '127.0.0.1', port: targetPort })));
  }

  #relay(near, far) {
    const record = { at: performance.now(), answer: '' };
    this.connections.push(record);
    far.on('data', (chunk) => {
      if (!record.answer.includes('\r\n')) record.answer += chunk.toString('latin1').slice(0, 200);
    });
    for (const [from, to] of [[near, far], [far, near]]) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  get answers() {
    return this.connections.map(({ answer }) => answer.split('\r\n')[0]);
  }

  get open() {
    return this.#sockets.size / 2;
  }

  /** Cuts every connection that stands. */
  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop() {
    this.server.close();
    this.cut();
  }
}
