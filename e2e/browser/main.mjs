// Runs the browser test; see README.md.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requireJars } from '../lib/pair.mjs';
import { within } from '../lib/wait.mjs';
import { checks } from './checks.mjs';
import { World } from './lib/world.mjs';

const CHECK_MS = 120_000;

const filters = process.argv.slice(2);
const wanted = Object.entries(checks).filter(([name]) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
if (wanted.length === 0) {
  console.error(`browser: no check's name contains ${filters.join(' or ')}; there are ${Object.keys(checks).join(', ')}`);
  process.exit(2);
}

/** What a running check has in its hands. */
class Context {
  #cleanups = [];
  figures = [];
  problems = [];

  figure(text) {
    this.figures.push(text);
  }

  /** Something that happened beside, and should not have. */
  problem(text) {
    this.problems.push(text);
  }

  skip(reason) {
    throw Object.assign(new Error(reason), { isSkip: true });
  }

  cleanup(action) {
    this.#cleanups.push(action);
  }

  async finish() {
    for (const action of this.#cleanups.reverse()) await action();
  }
}

const directory = fileURLToPath(new URL('../target/browser', import.meta.url));
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

let world;
try {
  requireJars();
  world = await World.start(directory);
} catch (error) {
  console.error(`browser: ${error.message}`);
  process.exit(2);
}
let failed = 0;
for (const [name, run] of wanted) {
  const t = new Context();
  const startedAt = performance.now();
  const print = (verdict, detail) => console.log(`${verdict.padEnd(4)} browser/${name.padEnd(20)} ${detail}`);
  try {
    await within(CHECK_MS, 'the check to end', run(world, t));
    if (t.problems.length > 0) throw new Error(t.problems.join('; '));
    print('ok', [...t.figures, `${((performance.now() - startedAt) / 1000).toFixed(1)} s`].join(', '));
  } catch (error) {
    if (error.isSkip) {
      print('skip', error.message);
    } else {
      failed++;
      print('FAIL', [error.code === 'ERR_ASSERTION' ? error.message : error.stack, ...t.problems].join('\n'));
    }
  }
  await t.finish();
}
await world.stop();
process.exit(failed === 0 ? 0 : 1);
