// curl, the client that everybody has.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Child } from './children.mjs';

let runs = 0;

/**
 * Runs curl to its end: {code, body, sha256, bytes, heads, headers, info, stderr}; `heads` has one for each response, `headers` is the last's.
 *
 * @param t the check it is for, which ends it should it be left over
 * @param args curl's own; -sS, --max-time and where the output goes are added
 * @param options.input a stream for its standard input
 * @param options.keepBody whether `body` is wanted, else only its length and sha256
 */
export async function curl(t, args, { input, keepBody = true, maxTimeSeconds = 30 } = {}) {
  const headerFile = t.file(`curl-${++runs}.headers`);
  const child = spawn(
    'curl',
    ['-sS', '--max-time', String(maxTimeSeconds), '-D', headerFile, '-w', '%{stderr}\n%{json}', ...args],
    { stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] },
  );
  t.cleanup(() => child.kill('SIGKILL'));
  if (input) input.on('error', () => child.stdin.destroy()).pipe(child.stdin).on('error', () => input.destroy());
  const hash = createHash('sha256');
  const chunks = [];
  let bytes = 0;
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
    if (keepBody) chunks.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const jsonAt = stderr.lastIndexOf('\n{');
  const heads = headsOf(headerFile);
  return {
    code,
    bytes,
    sha256: hash.digest('hex'),
    body: Buffer.concat(chunks),
    heads,
    headers: heads.at(-1)?.headers ?? [],
    info: jsonAt < 0 ? {} : JSON.parse(stderr.slice(jsonAt)),
    stderr: (jsonAt < 0 ? stderr : stderr.slice(0, jsonAt)).trim(),
  };
}

/** curl left running, its output thrown away; for clients that are to be killed. */
export function curlInBackground(t, name, args) {
  const child = Child.spawn(name, 'curl', ['-sS', '-N', '-o', '/dev/null', ...args]);
  t.cleanup(() => child.kill());
  return child;
}

/** The response heads in the file: {startLine, headers}, the fields in order as [name, value] with lower-case names. */
function headsOf(file) {
  let text = '';
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const heads = text.split('\r\n\r\n').filter((head) => head.startsWith('HTTP/'));
  return heads.map((head) => {
    const [startLine, ...lines] = head.split('\r\n');
    return { startLine, headers: lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]) };
  });
}

export const valuesOf = (headers, name) => headers.filter(([key]) => key === name).map(([, value]) => value);

/** The error answer of a gateway: JSON, with what a program needs to know. */
export function errorAnswer(result, status) {
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.info.http_code, status, result.body.toString());
  assert.match(valuesOf(result.headers, 'content-type')[0] ?? '', /^application\/json/);
  const answer = JSON.parse(result.body);
  assert.equal(typeof answer.code, 'string');
  assert.equal(typeof answer.message, 'string');
  assert.equal(typeof answer.retryable, 'boolean');
  return answer;
}
