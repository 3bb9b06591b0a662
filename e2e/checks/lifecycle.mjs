// The programs as a script sees them: what they print, how they end.
import assert from 'node:assert/strict';
import { get as httpGet, Agent as HttpAgent } from 'node:http';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { curlInBackground } from '../lib/curl.mjs';
import { seconds } from '../lib/data.mjs';
import { describeExit } from '../lib/children.mjs';
import { AGENT_ID, startProgram } from '../lib/pair.mjs';
import { pause, within } from '../lib/wait.mjs';

const MOST_MS = 10_000;
const SHORT_MS = 400;
const LOOPS = 20;

async function readyLines(t) {
  const { gateway, agent, httpPort, tunnelPort } = t.pair;
  assert.equal(t.pair.gatewayReadyLine, `gateway ready http=127.0.0.1:${httpPort} tunnel=127.0.0.1:${tunnelPort}`);
  assert.match(t.pair.agentReadyLine, new RegExp(`^agent ready agent_id=${AGENT_ID}( |$)`));
  assert.equal(gateway.stdout.filter((line) => line.startsWith('gateway ready')).length, 1);
  t.figure(t.pair.gatewayReadyLine);
  t.figure(t.pair.agentReadyLine);
}

const badOption = (which) => async (t) => {
  for (const args of [['--no-such-option'], ['--listen', 'nonsense', '--gateway', 'http//nonsense'], []]) {
    const program = startProgram(which, args);
    t.cleanup(() => program.kill());
    const exit = await within(15_000, `${which} ${args.join(' ')} to end`, program.exited);
    const said = `${which} ${args.join(' ')}: ${describeExit(exit)}, ${JSON.stringify(program.stderr)}`;
    assert.equal(exit.code, 2, said);
    assert.equal(program.stderr.filter((line) => line.trim() !== '').length, 1, `one line on standard error; ${said}`);
    assert.deepEqual(program.stdout.filter((line) => line.trim() !== ''), [], 'and nothing on standard output');
  }
};

/** Short requests, many at a time, each noting when it was sent and how it ended. */
class ShortRequests {
  #agent = new HttpAgent({ keepAlive: true, maxSockets: Infinity });

  constructor(url) {
    this.url = url;
    this.isRunning = true;
    this.outcomes = [];
    this.loops = Array.from({ length: LOOPS }, () => this.#loop());
  }

  async #loop() {
    while (this.isRunning) {
      const sentAt = performance.now();
      const how = await this.#one();
      this.outcomes.push({ sentAt, endedAt: performance.now(), how });
      if (how !== 'ok') await pause(50);
    }
  }

  #one() {
    return new Promise((resolve) => {
      const request = httpGet(this.url, { agent: this.#agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text) => (body += text));
        response.on('error', (error) => resolve(error.code));
        response.on('end', () => resolve(response.statusCode === 200 && body === 'slow\n' ? 'ok' : `${response.statusCode} ${body}`));
      });
      request.on('error', (error) => resolve(error.code));
    });
  }

  async stop() {
    this.isRunning = false;
    await Promise.all(this.loops);
    this.#agent.destroy();
  }
}

/** Ends one of the two programs with SIGTERM under load of all kinds. */
const terminated = (which) => async (t) => {
  const requests = new ShortRequests(t.pair.url(`/slow?ms=${SHORT_MS}`));
  t.cleanup(() => requests.stop());
  const long = Array.from({ length: 5 }, (_, i) => curlInBackground(t, `events-${i}`, [t.pair.url('/events?count=10000&every=100')]));
  long.push(...Array.from({ length: 5 }, (_, i) => curlInBackground(t, `download-${i}`, [t.pair.url('/drip?every=20&bytes=20000')])));
  const sockets = Array.from({ length: 5 }, () => new WebSocket(t.pair.url('/ws/ticks?every=50', 'ws')));
  for (const socket of sockets) {
    socket.on('error', () => {}); // it is to be cut
    t.cleanup(() => socket.terminate());
  }
  await pause(3_000);
  const failedBefore = requests.outcomes.filter(({ how }) => how !== 'ok');
  assert.deepEqual(failedBefore, [], 'requests that failed before anything happened');

  const child = t.pair[which];
  const signalledAt = performance.now();
  child.kill('SIGTERM');
  const exit = await within(MOST_MS + 5_000, `the ${which} to end`, child.exited);
  const took = exit.at - signalledAt;
  t.figure(`${describeExit(exit)} after ${seconds(took)}`);
  await requests.stop();

  const running = requests.outcomes.filter(({ sentAt, endedAt }) => sentAt < signalledAt - 20 && endedAt >= signalledAt);
  const broken = running.filter(({ how }) => how !== 'ok');
  const later = requests.outcomes.filter(({ sentAt }) => sentAt >= signalledAt);
  t.figure(`${running.length - broken.length} of ${running.length} running requests finished`);
  t.figure(`later ones: ${summary(later.map(({ how }) => how))}`);
  assert.equal(exit.code, 0, `${which} ended with ${describeExit(exit)}`);
  assert.ok(took <= MOST_MS, `${which} took ${seconds(took)} to end`);
  assert.deepEqual(broken, [], 'running requests that did not finish');
  assert.ok(running.length > 0, 'no request was running');
  await within(5_000, 'the long streams to end', Promise.all(long.map((client) => client.exited)));
};

function summary(outcomes) {
  const counts = new Map();
  for (const how of outcomes) counts.set(how.slice(0, 60), (counts.get(how.slice(0, 60)) ?? 0) + 1);
  return [...counts].map(([how, count]) => `${count} × ${how}`).join('; ') || 'none';
}

/** An idle program has nothing to wait for. */
const terminatedIdle = (which) => async (t) => {
  const child = t.pair[which];
  const signalledAt = performance.now();
  child.kill('SIGTERM');
  const exit = await within(MOST_MS, `the ${which} to end`, child.exited);
  t.figure(`${describeExit(exit)} after ${seconds(exit.at - signalledAt)}`);
  assert.equal(exit.code, 0);
};

const own = { needsTunnel: true, pair: 'own' };

export const checks = [
  check('ready-lines', readyLines, { needsTunnel: true }),
  check('bad-option-gateway', badOption('gateway'), { needsTunnel: true, pair: 'none' }),
  check('bad-option-agent', badOption('agent'), { needsTunnel: true, pair: 'none' }),
  check('sigterm-gateway-under-load', terminated('gateway'), own),
  check('sigterm-agent-under-load', terminated('agent'), own),
  check('sigterm-gateway-idle', terminatedIdle('gateway'), own),
  check('sigterm-agent-idle', terminatedIdle('agent'), own),
];
