// Just enough of RFC 6455 to write and read a frame by hand.
import { createHash, randomBytes } from 'node:crypto';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;

/** One unfragmented frame of up to 65,535 bytes; masked as a client's must be. */
export function frame(opcode, payload, { masked = false } = {}) {
  const body = Buffer.from(payload);
  const short = body.length < 126;
  const head = Buffer.alloc(short ? 2 : 4);
  head[0] = 0x80 | opcode;
  head[1] = (masked ? 0x80 : 0) | (short ? body.length : 126);
  if (!short) head.writeUInt16BE(body.length, 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, xored(body, mask)]);
}

/** Reads one frame from something with `bytes(count)`: {opcode, payload, isLast}, the last of its message or not. */
export async function readFrame(source) {
  const [first, second] = await source.bytes(2);
  let length = second & 0x7f;
  if (length === 126) length = (await source.bytes(2)).readUInt16BE(0);
  else if (length === 127) length = Number((await source.bytes(8)).readBigUInt64BE(0));
  const mask = second & 0x80 ? Buffer.from(await source.bytes(4)) : null;
  const payload = await source.bytes(length);
  return { opcode: first & 0x0f, payload: mask ? xored(payload, mask) : payload, isLast: (first & 0x80) !== 0 };
}

/** Reads one message in however many frames it comes, without control frames between: {opcode, payload}. */
export async function readMessage(source) {
  const { opcode, payload, isLast } = await readFrame(source);
  const pieces = [payload];
  for (let next = { isLast }; !next.isLast; ) {
    next = await readFrame(source);
    pieces.push(next.payload);
  }
  return { opcode, payload: Buffer.concat(pieces) };
}

function xored(bytes, mask) {
  return Buffer.from(bytes.map((byte, i) => byte ^ mask[i & 3]));
}

export function acceptOf(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** The request that opens a WebSocket, as bytes; and the key in it. */
export function upgradeRequest(path, host, extraLines = []) {
  const key = randomBytes(16).toString('base64');
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...extraLines,
  ];
  return { key, bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1') };
}
