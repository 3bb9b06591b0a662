// Child processes: started here, watched here, and nobody else's are ever touched.
import { spawn, fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { within } from './wait.mjs';

const KEPT_LINES = 2_000;
const alive = new Set();

process.on('exit', () => {
  for (const child of alive) child.process.kill('SIGKILL');
});

/** One child process: its lines, its log files, its end. */
export class Child {
  #waiters = new Set();

  constructor(name, childProcess, logDirectory) {
    this.name = name;
    this.process = childProcess;
    this.pid = childProcess.pid;
    this.stdout = [];
    this.stderr = [];
    this.exit = null;
    alive.add(this);
    const closed = [
      this.#collect(childProcess.stdout, this.stdout, logDirectory && join(logDirectory, `${name}.out.log`)),
      this.#collect(childProcess.stderr, this.stderr, logDirectory && join(logDirectory, `${name}.err.log`)),
    ];
    const ended = new Promise((resolve) => {
      childProcess.once('error', (error) => resolve({ code: null, signal: null, error, at: performance.now() }));
      childProcess.once('exit', (code, signal) => resolve({ code, signal, at: performance.now() }));
    });
    /** Resolves when the process has ended and its output was read: {code, signal, at}. */
    this.exited = ended.then(async (exit) => {
      alive.delete(this);
      if (!exit.error) await Promise.race([Promise.all(closed), new Promise((r) => setTimeout(r, 1_000).unref())]);
      this.exit = exit;
      for (const wake of [...this.#waiters]) wake();
      return exit;
    });
  }

  static spawn(name, command, args, { logDirectory, env, stdin = 'ignore' } = {}) {
    const child = spawn(command, args, { stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    return new Child(name, child, logDirectory);
  }

  get isAlive() {
    return this.exit === null && this.process.exitCode === null && this.process.signalCode === null;
  }

  #collect(stream, lines, file) {
    const log = file && createWriteStream(file, { flags: 'a' });
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      log?.write(text);
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      lines.push(...parts);
      if (lines.length > KEPT_LINES) lines.splice(0, lines.length - KEPT_LINES);
      for (const wake of [...this.#waiters]) wake();
    });
    return new Promise((resolve) => {
      stream.on('close', () => {
        if (rest) lines.push(rest);
        log?.end();
        resolve();
      });
    });
  }

  /** The first line of standard output that matches; an error if the process ends or the time is up before. */
  line(pattern, timeoutMs, lines = this.stdout) {
    let wake;
    const found = new Promise((resolve, reject) => {
      wake = () => {
        const line = lines.find((candidate) => pattern.test(candidate));
        if (line !== undefined) resolve(line);
        else if (this.exit) reject(new Error(`${this.name} ended (${describeExit(this.exit)}) before it printed ${pattern}: ${this.tail(5)}`));
      };
      this.#waiters.add(wake);
      wake();
    });
    return within(timeoutMs, `${this.name} to print ${pattern}`, found).finally(() => this.#waiters.delete(wake));
  }

  kill(signal = 'SIGKILL') {
    return this.isAlive && this.process.kill(signal);
  }

  /** Asks it to end, and makes it after a while. */
  async stop(patienceMs = 10_000) {
    if (this.exit) return this.exit;
    this.kill('SIGTERM');
    const patience = setTimeout(() => this.kill('SIGKILL'), patienceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(patience);
    }
  }

  /** The last lines that it said, on both streams, for a report. */
  tail(count) {
    return [...this.stdout.slice(-count), ...this.stderr.slice(-count)].join('\n');
  }
}

export function describeExit(exit) {
  if (exit.error) return exit.error.message;
  return exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
}

/** A Node program of this suite, in its own process, that answers questions: `await helper.ask('name', {…})`. */
export class Helper extends Child {
  #pending = new Map();
  #nextId = 1;

  static fork(name, file, { logDirectory, args = [] } = {}) {
    const child = fork(file, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    return new Helper(name, child, logDirectory);
  }

  constructor(name, childProcess, logDirectory) {
    super(name, childProcess, logDirectory);
    childProcess.on('message', ({ id, answer, error }) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(new Error(`${name}: ${error}`));
      else pending?.resolve(answer);
    });
    this.exited.then((exit) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`${name} ended: ${describeExit(exit)}: ${this.tail(5)}`));
      this.#pending.clear();
    });
  }

  ask(question, args = {}, timeoutMs = 15_000) {
    const id = this.#nextId++;
    const answered = new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      if (this.exit) reject(new Error(`${this.name} has ended`));
      else this.process.send({ id, question, args });
    });
    return within(timeoutMs, `${this.name} to answer "${question}"`, answered);
  }
}
