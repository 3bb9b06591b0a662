// What an upstream remembers of each exchange that bears a ?tag=, for the suite to ask after.
import { createHash } from 'node:crypto';

/** Tag → facts, with a way to wait for one of them. */
export class Exchanges {
  #byTag = new Map();

  /** Begins the record of an exchange; one without a tag gets a record that nobody will ask for. */
  begin(url, facts) {
    const tag = new URL(url, 'http://upstream').searchParams.get('tag');
    const exchange = {
      ...facts,
      openedAt: Date.now(),
      requestHash: createHash('sha256'),
      requestBytes: 0,
      requestComplete: false,
      responseHash: createHash('sha256'),
      closedAt: null,
    };
    if (tag) this.#byTag.set(tag, exchange);
    return exchange;
  }

  /** What is known of a tag, as plain data; null if nothing has come yet. */
  facts(tag) {
    const exchange = this.#byTag.get(tag);
    if (!exchange) return null;
    const { requestHash, responseHash, socket, ...plain } = exchange;
    return {
      ...plain,
      requestSha256: requestHash.copy().digest('hex'),
      responseSha256: responseHash.copy().digest('hex'),
      socketSent: socket ? socket.bytesWritten - socket.writableLength : null,
    };
  }

  /** The facts as soon as `fact` among them is truthy, or as they are when the time is up. */
  async await({ tag, fact, timeoutMs }) {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline && !this.#byTag.get(tag)?.[fact]) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.facts(tag);
  }
}
