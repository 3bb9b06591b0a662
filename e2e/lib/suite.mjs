// What a check is, and how checks are run: one after the other, each with a deadline, each cleaned up after.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DIRECT, Pair, Upstreams } from './pair.mjs';
import { within } from './wait.mjs';

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * One line of the report.
 *
 * @param options.timeoutMs its deadline
 * @param options.needsTunnel whether it says nothing without gateway and agent (PAIR=direct leaves it out)
 * @param options.pair `shared` (default), `own` for one that it may break, `none`; or options for a pair of its own
 */
export function check(name, run, options = {}) {
  return { name, run, timeoutMs: DEFAULT_TIMEOUT_MS, needsTunnel: false, pair: 'shared', ...options };
}

/** What a running check has in its hands. */
class Context {
  #cleanups = [];
  #figures = [];
  #tags = 0;

  constructor(id, runner) {
    this.id = id;
    this.runner = runner;
    this.upstreams = runner.upstreams;
    this.logDirectory = runner.logDirectory;
  }

  /** Adds to what the report's line says. */
  figure(text) {
    this.#figures.push(text);
  }

  get figures() {
    return this.#figures.join(', ');
  }

  /** Has `action` called when the check is over, however it ends; last come, first called. */
  cleanup(action) {
    this.#cleanups.push(action);
  }

  async finish() {
    for (const action of this.#cleanups.reverse()) await action();
  }

  /** A name that no other exchange has, for ?tag=. */
  tag() {
    return `${this.id.replace('/', '-')}-${++this.#tags}`;
  }

  /** A path for a file of this check. */
  file(name) {
    const directory = join(this.logDirectory, 'files', this.id.replace('/', '-'));
    mkdirSync(directory, { recursive: true });
    return join(directory, name);
  }

  /** The facts of a tagged exchange at the HTTP upstream, once `fact` is among them. */
  async httpFacts(tag, fact, timeoutMs = 5_000) {
    const facts = await this.upstreams.http.ask('await', { tag, fact, timeoutMs }, timeoutMs + 5_000);
    assert.ok(facts?.[fact], `${timeoutMs} ms on, the upstream does not have "${fact}" of ${tag}: ${JSON.stringify(facts)}`);
    return facts;
  }

  /** The same at the WebSocket upstream. */
  async webSocketFacts(tag, fact, timeoutMs = 5_000) {
    const facts = await this.upstreams.webSockets.ask('await', { tag, fact, timeoutMs }, timeoutMs + 5_000);
    assert.ok(facts?.[fact], `${timeoutMs} ms on, the upstream does not have "${fact}" of ${tag}: ${JSON.stringify(facts)}`);
    return facts;
  }

  /** A gateway and agent of this check's own, ended with it. */
  async startPair(options) {
    const pair = await Pair.start(this.upstreams, this.logDirectory, options);
    this.cleanup(() => pair.stop());
    return pair;
  }
}

/** Runs checks and prints a line for each. */
export class Runner {
  constructor(logDirectory, print) {
    this.logDirectory = logDirectory;
    this.print = print;
    this.counts = { ok: 0, FAIL: 0, skip: 0 };
  }

  async run(suites) {
    for (const { name: theme, checks } of suites) {
      for (const each of checks) await this.#runOne(`${theme}/${each.name}`, each);
    }
    await this.sharedPair?.stop();
    await this.upstreams?.stop();
    return this.counts;
  }

  async #runOne(id, each) {
    if (DIRECT && each.needsTunnel) {
      this.#report('skip', id, 'needs a tunnel');
      return;
    }
    const startedAt = performance.now();
    let context;
    let failure;
    try {
      if (!this.upstreams?.isAlive) this.upstreams = await Upstreams.start(this.logDirectory);
      context = new Context(id, this);
      await within(each.timeoutMs, 'the check to end', this.#attempt(each, context));
    } catch (error) {
      failure = error;
    }
    const pair = context?.pair;
    const tail = failure && pair && !DIRECT ? [pair.gateway, pair.agent].flatMap((child) => tailOf(child)) : [];
    try {
      await context?.finish();
      if (!failure && each.pair === 'shared') assert.ok(pair.isAlive, 'gateway or agent ended during the check');
    } catch (error) {
      failure ??= error;
    }
    if (failure && each.pair === 'shared') await this.#dropSharedPair();
    const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    const figures = [context?.figures, took].filter(Boolean).join(', ');
    if (failure) this.#report('FAIL', id, figures, failure, tail);
    else this.#report('ok', id, figures);
  }

  async #attempt(each, context) {
    if (each.pair === 'shared') {
      context.pair = this.sharedPair ??= await Pair.start(this.upstreams, this.logDirectory);
    } else if (each.pair !== 'none') {
      context.pair = await context.startPair(each.pair === 'own' ? {} : each.pair);
    }
    await each.run(context);
  }

  async #dropSharedPair() {
    const pair = this.sharedPair;
    this.sharedPair = undefined;
    await pair?.stop();
  }

  #report(verdict, id, figures, failure, tail = []) {
    this.counts[verdict]++;
    this.print(`${verdict.padEnd(4)} ${id.padEnd(36)} ${figures}`);
    if (!failure) return;
    const reason = failure.code === 'ERR_ASSERTION' ? failure.message : failure.stack;
    for (const line of reason.split('\n').slice(0, 12)) this.print(`       ${line}`);
    for (const line of tail) this.print(`     | ${line}`);
  }
}

function tailOf(child) {
  return child ? [...child.stdout.slice(-3), ...child.stderr.slice(-8)].map((line) => `${child.name}: ${line}`) : [];
}
