// What Prometheus would be told before, during and after a load.
import assert from 'node:assert/strict';
import { Agent as UndiciAgent, request as undiciRequest } from 'undici';
import { WebSocket } from 'ws';
import { once } from 'node:events';
import { check } from '../lib/suite.mjs';
import { eventually, freePorts } from '../lib/wait.mjs';

const REQUESTS = 5_000;
const AT_ONCE = 50;
const WEB_SOCKETS = 100;
/** What the docs promise: 200 patterns and `other`. */
const MOST_PATTERNS = 201;

/** Gauges of what is under way now; all others may rest at what they were. */
const UNDER_WAY = [
  'websocket_connections_active',
  'tunnelmux_requests_active',
  'tunnelmux_streams_active',
  'tunnelmux_stalled_streams',
  'agent_proxy_queue_depth',
  'tunnelmux_buffer_bytes',
];

/** Every figure by its name with labels. */
async function scrape(port) {
  const { statusCode, body } = await undiciRequest(`http://127.0.0.1:${port}/metrics`);
  const text = await body.text();
  assert.equal(statusCode, 200, text);
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const underWay = (figures) =>
  [...figures].filter(([name, value]) => value !== 0 && UNDER_WAY.includes(name.replace(/\{.*/, ''))).map(([name, value]) => `${name} ${value}`);

async function metrics(t) {
  const [gatewayPort, agentPort] = await freePorts(2);
  const pair = await t.startPair({
    gateway: ['--metrics-listen', `127.0.0.1:${gatewayPort}`],
    agent: ['--metrics-listen', `127.0.0.1:${agentPort}`],
  });
  const ports = { gateway: gatewayPort, agent: agentPort };
  const before = {};
  for (const [name, port] of Object.entries(ports)) {
    before[name] = await scrape(port);
    assert.deepEqual(underWay(before[name]), [], `${name} at rest`);
  }

  const sockets = Array.from({ length: WEB_SOCKETS }, () => new WebSocket(pair.url('/ws/echo', 'ws')));
  t.cleanup(() => sockets.forEach((socket) => socket.terminate()));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const dispatcher = new UndiciAgent({ connections: AT_ONCE, pipelining: 1 });
  t.cleanup(() => dispatcher.destroy());
  const outcomes = { ok: 0, missing: 0 };
  let sent = 0;
  const loop = async () => {
    while (sent < REQUESTS) {
      const i = sent++;
      // Half of them are answered with 200, each by a path that nobody has asked for before.
      const word = i.toString(26).replace(/[0-9]/g, (digit) => 'qrstuvwxyz'[digit]);
      const path = i % 2 === 0 ? `/odd/${word}/of/${word}x` : `/nowhere/${word}?token=${i}`;
      const response = await undiciRequest(pair.url(path), { dispatcher });
      await response.body.dump();
      outcomes[response.statusCode < 400 ? 'ok' : 'missing']++;
    }
  };
  const load = Promise.all(Array.from({ length: AT_ONCE }, loop));
  await eventually(10_000, 'requests under way', async () => (await scrape(gatewayPort)).get('tunnelmux_requests_active') > WEB_SOCKETS);
  for (const [name, port] of Object.entries(ports)) {
    const during = await scrape(port);
    assert.equal(during.get('websocket_connections_active'), WEB_SOCKETS, name);
  }
  await load;
  sockets.forEach((socket) => socket.close());

  const series = [];
  for (const [name, port] of Object.entries(ports)) {
    let after;
    await eventually(10_000, `${name}'s gauges to return to zero`, async () => {
      after = await scrape(port);
      return underWay(after).length === 0;
    }).catch((error) => assert.fail(`${error.message}: ${underWay(after)}`));
    const patterns = new Set([...after.keys()].map((key) => /path_pattern="([^"]*)"/.exec(key)?.[1]).filter(Boolean));
    assert.ok(patterns.size <= MOST_PATTERNS, `${name}: ${patterns.size} patterns`);
    assert.ok(![...after.keys()].some((key) => key.includes('token')), `${name}: a query in a label`);
    const counted = [...after].filter(([key]) => key.startsWith('tunnelmux_requests_total')).reduce((sum, [, value]) => sum + value, 0);
    assert.equal(counted, REQUESTS + WEB_SOCKETS, `${name}: requests counted`);
    series.push(`${name}: ${before[name].size} series before, ${after.size} after, ${patterns.size} path patterns`);
  }
  t.figure(`${REQUESTS} requests by as many paths (${outcomes.ok} found), ${WEB_SOCKETS} WebSockets; ${series.join('; ')}`);
}

export const checks = [check('gauges-return-to-zero-and-labels-stay-few', metrics, { needsTunnel: true })];
