// Some of the clients of the WebSocket echo check, in a process of their own.
import { WebSocket } from 'ws';
import { seededBytes, seededNumbers } from '../lib/data.mjs';
import { serveAnswers } from '../lib/answers.mjs';

const MOST_BYTES = 64 * 1024;
const MOST_UNDER_WAY = 16;
const POOL = seededBytes('echo', 4 * 1024 * 1024);
/** The same length in ASCII, for text messages. */
const TEXT_POOL = Buffer.from(POOL.map((byte) => 0x20 + (byte % 95)));

/** The messages of one client, one after the other; the same again for the same seed. */
function* messages(seed, count) {
  const next = seededNumbers(seed);
  for (let i = 0; i < count; i++) {
    const length = next(MOST_BYTES + 1);
    const at = next(POOL.length - length);
    const isText = next(4) === 0;
    yield { bytes: (isText ? TEXT_POOL : POOL).subarray(at, at + length), isText };
  }
}

/** One client: sends all, checks that all come back equal and in order. Gives what went wrong, or null. */
function echo({ url, seed, count }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const toSend = messages(seed, count);
    const expected = messages(seed, count);
    let sent = 0;
    let received = 0;
    let bytes = 0;
    const end = (problem) => {
      resolve({ problem: problem && `client ${seed}, ${received} of ${count} received: ${problem}`, bytes });
      if (problem) socket.terminate();
    };
    const sendOn = () => {
      while (sent < count && sent - received < MOST_UNDER_WAY) {
        const { bytes: data, isText } = toSend.next().value;
        socket.send(data, { binary: !isText });
        sent++;
      }
    };
    socket.on('open', sendOn);
    socket.on('message', (data, isBinary) => {
      const { bytes: wanted, isText } = expected.next().value;
      if (isBinary === isText) return end(isText ? 'text came back as binary' : 'binary came back as text');
      if (!data.equals(wanted)) return end(`message of ${wanted.length} bytes came back as another of ${data.length}`);
      received++;
      bytes += data.length;
      if (received === count) socket.close(1000, 'done');
      else sendOn();
    });
    socket.on('error', (error) => end(error.message));
    socket.on('close', (code, reason) => end(received === count && code === 1000 ? null : `closed ${code} ${reason}`));
  });
}

serveAnswers({
  echo: async ({ url, seeds, count }) => {
    const results = await Promise.all(seeds.map((seed) => echo({ url, seed, count })));
    return { bytes: results.reduce((sum, { bytes }) => sum + bytes, 0), problems: results.map(({ problem }) => problem).filter(Boolean) };
  },
});
