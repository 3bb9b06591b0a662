// Runs the acceptance checks; see README.md.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DIRECT, requireJars } from './lib/pair.mjs';
import { Runner } from './lib/suite.mjs';

const THEMES = ['http', 'streaming', 'websocket', 'aware', 'bulk', 'cancel', 'failure', 'lifecycle', 'options', 'tls', 'kubernetes', 'metrics', 'hygiene'];

const args = process.argv.slice(2);
if (args.includes('--help')) {
  console.log('Usage: e2e/run [--list] [FILTER…]   a FILTER is a part of a check\'s name, as --list shows them');
  process.exit(0);
}
const filters = args.filter((arg) => !arg.startsWith('-'));
const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--list');
if (unknown) {
  console.error(`e2e: unknown option ${unknown}`);
  process.exit(2);
}

const suites = [];
for (const name of THEMES) {
  const { checks } = await import(`./checks/${name}.mjs`);
  const wanted = checks.filter((each) => filters.length === 0 || filters.some((filter) => `${name}/${each.name}`.includes(filter)));
  if (wanted.length > 0) suites.push({ name, checks: wanted });
}
if (args.includes('--list')) {
  for (const { name, checks } of suites) for (const each of checks) console.log(`${name}/${each.name}`);
  process.exit(0);
}
if (suites.length === 0) {
  console.error(`e2e: no check's name contains ${filters.join(' or ')}; --list shows them`);
  process.exit(2);
}

const logDirectory = fileURLToPath(new URL('./target/logs', import.meta.url));
rmSync(logDirectory, { recursive: true, force: true });
mkdirSync(logDirectory, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

try {
  if (!DIRECT) requireJars();
} catch (error) {
  console.error(`e2e: ${error.message}`);
  process.exit(2);
}
const startedAt = performance.now();
const { ok, FAIL, skip } = await new Runner(logDirectory, console.log).run(suites);
const took = Math.round((performance.now() - startedAt) / 1000);
console.log(`${ok + FAIL} checks: ${ok} ok, ${FAIL} failed${skip ? `, ${skip} left out` : ''} in ${took} s${FAIL ? `; logs in ${logDirectory}` : ''}`);
process.exit(FAIL ? 1 : 0);
