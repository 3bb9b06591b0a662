// Bytes that can be made again from a seed, and numbers from samples.
import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';

const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

function keystream(seed) {
  const key = createHash('sha256').update(String(seed)).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16, 32));
}

/** `length` bytes that look random and follow from `seed`. */
export function seededBytes(seed, length) {
  return keystream(seed).update(Buffer.alloc(length));
}

/** The same bytes as a stream of blocks. */
export function seededStream(seed, length) {
  return Readable.from(seededBlocks(seed, length), { objectMode: false, highWaterMark: BLOCK });
}

export function* seededBlocks(seed, length) {
  const cipher = keystream(seed);
  for (let left = length; left > 0; left -= BLOCK) {
    yield cipher.update(left >= BLOCK ? ZEROS : ZEROS.subarray(0, left));
  }
}

export function seededSha256(seed, length) {
  const hash = createHash('sha256');
  for (const block of seededBlocks(seed, length)) hash.update(block);
  return hash.digest('hex');
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A small fast generator of integers: `next(bound)` is in 0..bound-1. (mulberry32) */
export function seededNumbers(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  };
}

export function percentile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export const MIB = 1024 * 1024;
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
export const ms = (duration) => `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
export const seconds = (durationMs) => `${(durationMs / 1000).toFixed(2)} s`;
