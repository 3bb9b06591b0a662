// What fails is told, soon, and never looks like success.
import assert from 'node:assert/strict';
import { get as httpGet } from 'node:http';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { curl, curlInBackground, errorAnswer, valuesOf } from '../lib/curl.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { ms, seconds, seededBytes } from '../lib/data.mjs';
import { AGENT_ID } from '../lib/pair.mjs';
import { eventually, pause, within } from '../lib/wait.mjs';

const WRONG_TOKEN = 'not-the-token-8c1f';
/** Keep-alive: 15 s of silence, 10 s for an answer, and some for a slow machine. */
const FROZEN_MS = 45_000;
/** Few, for the agent waits longer each time. */
const FLAPS = 5;
const STREAMS = { events: 20, downloads: 15, webSockets: 15 };

async function upstreamRefused(t) {
  const result = await curl(t, [t.pair.url('/refused/x')]);
  const answer = errorAnswer(result, 502);
  const took = result.info.time_total * 1000;
  t.figure(`502 ${answer.code} after ${ms(took)}`);
  assert.equal(answer.agent_id, AGENT_ID);
  assert.equal(answer.path, '/refused/x');
  assert.ok(took <= 2_000, `the client waited for ${ms(took)}`);
}

async function upstreamRefusedWebSocket(t) {
  const socket = new WebSocket(t.pair.url('/refused/ws', 'ws'));
  t.cleanup(() => socket.terminate());
  const status = await within(5_000, 'an answer', new Promise((resolve) => {
    socket.on('error', (error) => resolve(error.message));
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
  }));
  assert.equal(status, 502);
}

async function upstreamDiesBeforeHead(t) {
  errorAnswer(await curl(t, [t.pair.url('/die-before-head')]), 502);
}

const upstreamDies = (framing, how) => async (t) => {
  for (const after of [1, 1_000, 500_000]) {
    const result = await curl(t, [t.pair.url(`/die?after=${after}&framing=${framing}&how=${how}`)], { keepBody: false });
    assert.equal(result.info.http_code, 200);
    t.figure(`after ${after} bytes: curl ${result.code}`);
    assert.ok([18, 56].includes(result.code), `curl ended with ${result.code} (${result.stderr}), as if the body were whole`);
    if (how === 'close') assert.equal(result.bytes, after, 'what the upstream had sent arrives');
  }
};

async function noAgent(t) {
  const result = await curl(t, [t.pair.url('/hello')]);
  const answer = errorAnswer(result, 503);
  t.figure(`503 ${answer.code} after ${ms(result.info.time_total * 1000)}`);
  assert.match(valuesOf(result.headers, 'retry-after')[0] ?? '', /^\d+$/, 'Retry-After');
  assert.equal(answer.retryable, true);
}

async function wrongToken(t) {
  const probe = await curl(t, [
    ...['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '-H', 'Sec-WebSocket-Version: 13'],
    ...['-H', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '-H', 'Sec-WebSocket-Protocol: tunnel.v1'],
    ...['-H', `Authorization: Bearer ${WRONG_TOKEN}`, `http://127.0.0.1:${t.pair.tunnelPort}/tunnel`],
  ]);
  assert.equal(probe.info.http_code, 401);
  assert.match(valuesOf(probe.headers, 'www-authenticate')[0] ?? '', /^Bearer/);

  const recorder = await Recorder.start(t, t.pair.tunnelPort);
  const agent = t.pair.spawnAgent({ gatewayPort: recorder.port, token: WRONG_TOKEN, extra: [] });
  t.cleanup(() => agent.stop());
  await agent.line(/401|unauthori[sz]ed/i, 20_000, agent.stderr);
  await pause(12_000);
  t.figure(`${recorder.connections.length} attempts in 12 s, answers ${[...new Set(recorder.answers)].join('; ')}`);
  assert.ok(agent.isAlive, `the agent gave up: ${agent.tail(5)}`);
  for (const answer of recorder.answers) assert.match(answer, /^HTTP\/1\.1 401/);
  assert.ok(recorder.connections.length <= 3, `${recorder.connections.length} attempts with a refused token in 12 s`);
  assert.ok(![...agent.stderr, ...agent.stdout].some((line) => line.includes(WRONG_TOKEN)), 'the agent logs its token');
  assert.ok(!agent.stdout.some((line) => line.startsWith('agent ready')), 'the agent says it is ready');
}

/** Fifty streams of all kinds; each resolves with how it ended. */
function fiftyStreams(t) {
  const ends = [];
  for (let i = 0; i < STREAMS.events; i++) {
    const client = curlInBackground(t, `events-${i}`, [t.pair.url(`/events?count=10000&every=100&tag=${t.tag()}`)]);
    ends.push(client.exited.then(({ code, at }) => ({ kind: 'events', isError: code !== 0, how: `curl ${code}`, at })));
  }
  for (let i = 0; i < STREAMS.downloads; i++) {
    ends.push(
      new Promise((resolve) => {
        const end = (isError, how) => resolve({ kind: 'download', isError, how, at: performance.now() });
        const request = httpGet(t.pair.url('/drip?every=20&bytes=20000'), (response) => {
          response.on('error', (error) => end(true, error.code)).on('end', () => end(false, 'clean end')).resume();
        });
        request.on('error', (error) => end(true, error.code));
        t.cleanup(() => request.destroy());
      }),
    );
  }
  for (let i = 0; i < STREAMS.webSockets; i++) {
    ends.push(
      new Promise((resolve) => {
        const socket = new WebSocket(t.pair.url('/ws/ticks?every=50', 'ws'));
        t.cleanup(() => socket.terminate());
        socket.on('error', () => {}); // its close follows, and counts
        socket.on('close', (code) => resolve({ kind: 'webSocket', isError: code !== 1000, how: `close ${code}`, at: performance.now() }));
      }),
    );
  }
  return ends;
}

async function agentKilled(t) {
  const ends = fiftyStreams(t);
  await pause(2_000);
  const early = await Promise.race([Promise.race(ends), pause(0)]);
  assert.equal(early, undefined, `a stream ended before the agent was killed: ${JSON.stringify(early)}`);
  const killedAt = performance.now();
  t.pair.agent.kill('SIGKILL');
  const ended = await within(15_000, 'all fifty clients to see the end', Promise.all(ends));
  t.figure(`${ended.length} streams ended after at most ${ms(Math.max(...ended.map(({ at }) => at)) - killedAt)}`);
  t.figure([...new Set(ended.map(({ kind, how }) => `${kind}: ${how}`))].join('; '));
  const clean = ended.filter(({ isError }) => !isError);
  assert.deepEqual(clean, [], 'streams that seemed to have ended well');

  const startedAt = performance.now();
  await t.pair.startAgent();
  const readyAt = performance.now();
  const result = await curl(t, [t.pair.url('/hello')]);
  t.figure(`a new agent was ready after ${seconds(readyAt - startedAt)} and served after ${ms(performance.now() - readyAt)} more`);
  assert.equal(result.info.http_code, 200, `the first request through the new agent: ${result.body}`);
}

async function gatewayKilled(t) {
  t.pair.gateway.kill('SIGKILL');
  await t.pair.gateway.exited;
  await pause(1_000);
  assert.ok(t.pair.agent.isAlive, 'the agent waits for the gateway to come back');
  const startedAt = performance.now();
  await t.pair.startGateway();
  await t.pair.serves(30_000);
  t.figure(`served ${seconds(performance.now() - startedAt)} after the start of a new gateway`);
}

/** The agent lives and says nothing: only the keep-alive can tell. */
async function agentFrozen(t) {
  const { agent } = t.pair;
  const started = await curl(t, [t.pair.url('/hello')]);
  assert.equal(started.info.http_code, 200);
  const client = curlInBackground(t, 'events', [t.pair.url('/events?count=10000&every=100')]);
  await pause(1_000);
  const frozenAt = performance.now();
  agent.process.kill('SIGSTOP');
  t.cleanup(() => agent.process.kill('SIGCONT'));
  const { code, at } = await within(FROZEN_MS, 'the client to see the end', client.exited);
  t.figure(`client's end (curl ${code}) ${seconds(at - frozenAt)} after the freeze`);
  assert.notEqual(code, 0, 'the stream seemed to have ended well');
  errorAnswer(await curl(t, [t.pair.url('/hello')]), 503);
  const thawedAt = performance.now();
  agent.process.kill('SIGCONT');
  await t.pair.serves(30_000);
  t.figure(`served again ${seconds(performance.now() - thawedAt)} after the thaw`);
}

/** The line is cut again and again under requests; each of these is answered exactly or fails, and in the end all is as before. */
async function tunnelFlaps(t) {
  const recorder = await Recorder.start(t, t.pair.tunnelPort);
  await t.pair.startAgent({ gatewayPort: recorder.port });
  let isRunning = true;
  const counts = { exact: 0, failed: 0, refused: 0 };
  const wrong = [];
  const loops = Array.from({ length: 20 }, async (_, loop) => {
    for (let i = 0; isRunning; i++) {
      const body = seededBytes(`flap ${loop} ${i}`, 200_000);
      try {
        const response = await fetch(t.pair.url('/echo'), { method: 'POST', body, signal: AbortSignal.timeout(20_000) });
        const echoed = Buffer.from(await response.arrayBuffer());
        if (response.status === 503) {
          counts.refused++;
          await pause(20);
        } else if (response.status === 200 && echoed.equals(body)) counts.exact++;
        else wrong.push(`${response.status} with ${echoed.length} bytes`);
      } catch (error) {
        if (error.name === 'TimeoutError') wrong.push('no answer and no error in 20 s');
        counts.failed++;
        await pause(20);
      }
    }
  });
  for (let i = 0; i < FLAPS; i++) {
    await t.pair.serves(30_000);
    await pause(300 + 100 * i);
    recorder.cut();
  }
  await t.pair.serves(30_000);
  isRunning = false;
  await within(30_000, 'the requests to end', Promise.all(loops));
  t.figure(`${FLAPS} cuts, ${recorder.connections.length} dials: ${JSON.stringify(counts)}`);
  assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} requests were neither answered exactly nor failed`);
  assert.ok(counts.exact > 0, 'no request came through between the cuts');
  assert.ok(t.pair.agent.isAlive && t.pair.gateway.isAlive, 'a program ended');
  await eventually(5_000, 'the upstream to be rid of the requests', async () => {
    const { running } = await t.upstreams.http.ask('concurrency');
    return !running.some((url) => url.startsWith('/echo'));
  });
}

export const checks = [
  check('upstream-refused', upstreamRefused, { needsTunnel: true }),
  check('upstream-refused-websocket', upstreamRefusedWebSocket, { needsTunnel: true }),
  check('upstream-dies-before-head', upstreamDiesBeforeHead, { needsTunnel: true }),
  check('upstream-closes-mid-length', upstreamDies('length', 'close')),
  check('upstream-closes-mid-chunked', upstreamDies('chunked', 'close')),
  check('upstream-resets-mid-length', upstreamDies('length', 'reset')),
  check('upstream-resets-mid-chunked', upstreamDies('chunked', 'reset')),
  check('no-agent', noAgent, { needsTunnel: true, pair: { withAgent: false } }),
  check('wrong-token', wrongToken, { needsTunnel: true, pair: { withAgent: false } }),
  check('agent-killed', agentKilled, { needsTunnel: true, pair: 'own' }),
  check('gateway-killed', gatewayKilled, { needsTunnel: true, pair: 'own' }),
  check('agent-frozen', agentFrozen, { needsTunnel: true, pair: 'own', timeoutMs: 120_000 }),
  check('tunnel-flaps', tunnelFlaps, { needsTunnel: true, pair: { withAgent: false }, timeoutMs: 120_000 }),
];
