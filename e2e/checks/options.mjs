// Options that change who gets a request, who may come in, and how long anything may take.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { check } from '../lib/suite.mjs';
import { curl, curlInBackground, errorAnswer } from '../lib/curl.mjs';
import { ms } from '../lib/data.mjs';
import { AGENT_ID, TOKEN } from '../lib/pair.mjs';
import { RawClient } from '../lib/raw.mjs';
import { upgradeRequest } from '../lib/frames.mjs';
import { pause } from '../lib/wait.mjs';

const OTHER = 'other';
const OTHER_TOKEN = 'e2e-token-of-the-other-77';
const LIMIT_MS = 1_000;

async function sharedPort(t) {
  const pair = await t.startPair({ isPortShared: true });
  assert.equal(pair.gatewayReadyLine, `gateway ready http=127.0.0.1:${pair.httpPort} tunnel=127.0.0.1:${pair.httpPort}`);
  assert.equal((await curl(t, [pair.url('/hello')])).body.toString(), 'hello\n');
}

/** Which agent a request went to shows in who is blamed when its upstream refuses. */
async function routes(t) {
  const pair = await t.startPair({
    withAgent: false,
    gateway: ['--route', `other.test=${OTHER}`, '--route', `both.test/refused/deep=${OTHER}`, '--route', `gone.test=nobody`],
  });
  await pair.startAgent();
  const other = pair.spawnAgent({ agentId: OTHER });
  t.cleanup(() => other.stop());
  await other.line(/^agent ready agent_id=other/, 20_000);
  for (const [host, path, agent] of [
    ['127.0.0.1', '/refused/x', AGENT_ID],
    ['other.test', '/refused/x', OTHER],
    ['OTHER.test', '/refused/x', OTHER],
    ['both.test', '/refused/x', AGENT_ID],
    ['both.test', '/refused/deep/x', OTHER],
    ['both.test', '/refused/deeper', AGENT_ID],
  ]) {
    const answer = errorAnswer(await curl(t, ['-H', `Host: ${host}`, pair.url(path)]), 502);
    assert.equal(answer.agent_id, agent, `${host}${path}`);
  }
  assert.equal(errorAnswer(await curl(t, ['-H', 'Host: gone.test', pair.url('/hello')]), 503).agent_id, 'nobody');
  assert.equal((await curl(t, ['-H', 'Host: other.test', pair.url('/hello')])).body.toString(), 'hello\n');
}

async function tokensFile(t) {
  const file = t.file('tokens');
  writeFileSync(file, `# who may come in\n${AGENT_ID}=${TOKEN}\n\n${OTHER}=${OTHER_TOKEN}\n`);
  const pair = await t.startPair({ credentials: ['--tokens-file', file] });
  assert.equal((await curl(t, [pair.url('/hello')])).body.toString(), 'hello\n');
  const impostor = pair.spawnAgent({ token: OTHER_TOKEN, extra: [] });
  t.cleanup(() => impostor.stop());
  await impostor.line(/401|403|unauthori[sz]ed|forbidden/i, 20_000, impostor.stderr);
  assert.ok(!impostor.stdout.some((line) => line.startsWith('agent ready')), 'an agent came in with the token of another');
  assert.equal((await curl(t, [pair.url('/hello')])).body.toString(), 'hello\n', 'the right one is untouched');
}

async function requestTimeout(t) {
  const { pair } = t;
  const silent = await curl(t, [pair.url('/silent')]);
  const took = silent.info.time_total * 1000;
  t.figure(`504 ${errorAnswer(silent, 504).code} after ${ms(took)}`);
  assert.ok(took >= LIMIT_MS - 50 && took < LIMIT_MS + 2_000, `answered after ${ms(took)}`);
  const tag = t.tag();
  const events = curlInBackground(t, 'events', [pair.url(`/events?count=10000&every=100&tag=${tag}`)]);
  const idle = await RawClient.connect(t, pair.address('/ws/echo'));
  idle.write(upgradeRequest(`/ws/echo?tag=${tag}`, pair.authority('/ws/echo')).bytes);
  assert.match((await idle.head()).startLine, / 101 /);
  await pause(4 * LIMIT_MS);
  assert.ok(events.isAlive, 'a stream of events was cut by the limit for the head');
  assert.equal((await t.upstreams.webSockets.ask('facts', { tag })).closedAt, null, 'an idle WebSocket was cut by the limit for the head');
}

async function upgradeTimeout(t) {
  const raw = await RawClient.connect(t, t.pair.address('/upgrade/silent'));
  const tag = t.tag();
  const path = `/upgrade/silent?tag=${tag}`;
  const startedAt = performance.now();
  raw.write(upgradeRequest(path, t.pair.authority(path)).bytes);
  const { startLine, body } = await raw.response();
  const took = performance.now() - startedAt;
  assert.match(startLine, / 504 /);
  t.figure(`504 ${JSON.parse(body).code} after ${ms(took)}`);
  assert.ok(took < LIMIT_MS + 2_000, `answered after ${ms(took)}`);
  await t.httpFacts(tag, 'closedAt');
}

export const checks = [
  check('shared-port', sharedPort, { needsTunnel: true, pair: 'none' }),
  check('routes', routes, { needsTunnel: true, pair: 'none' }),
  check('tokens-file', tokensFile, { needsTunnel: true, pair: 'none' }),
  check('request-timeout', requestTimeout, { needsTunnel: true, pair: { gateway: ['--request-timeout', `${LIMIT_MS}ms`] } }),
  check('upgrade-timeout', upgradeTimeout, { needsTunnel: true, pair: { gateway: ['--upgrade-timeout', `${LIMIT_MS / 1000}s`] } }),
];
