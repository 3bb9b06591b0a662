// What the programs of this run have written, looked over at the end.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../lib/suite.mjs';

function* programLines(t) {
  for (const file of readdirSync(t.logDirectory).filter((name) => /^(gateway|agent)-[\w-]+\.(out|err)\.log$/.test(name))) {
    for (const line of readFileSync(join(t.logDirectory, file), 'utf8').split('\n')) yield { file, line };
  }
}

/** What a check of this suite brings about on purpose, and the agent rightly says loudly. */
const TOKEN_REFUSED = /does not let this agent in/;

const without = (pattern, what, except = /$^/) => async (t) => {
  let lines = 0;
  const found = [];
  for (const { file, line } of programLines(t)) {
    lines++;
    if (pattern.test(line) && !except.test(line)) found.push(`${file}: ${line}`);
  }
  t.figure(`${lines} lines`);
  assert.equal(found.length, 0, `${found.length} lines with ${what}, for one: ${found[0]}`);
};

const options = { needsTunnel: true };

export const checks = [
  check('no-leaked-buffer', without(/LEAK:/, 'leaked buffers'), options),
  check('no-exhausted-memory', without(/OutOfMemory|OutOfDirectMemory/, 'exhausted memory'), options),
  check('no-token-in-logs', without(/e2e-token|not-the-token/, 'a token'), options),
  check('no-unexpected-error', without(/\bERROR\b|^Exception in thread|^\s+at [\w.$]+\(.*\.java:\d+\)/, 'errors or stack traces', TOKEN_REFUSED), options),
];
