// The API of a cluster through the tunnel: kubectl and the official client for Node, with an API server that is a fake behind TLS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PassThrough, pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Attach, CoreV1Api, Exec, KubeConfig, Log, PortForward, Watch } from '@kubernetes/client-node';
import { WebSocketHandler } from '@kubernetes/client-node/dist/web-socket-handler.js';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { Child, Helper } from '../lib/children.mjs';
import { curl, errorAnswer } from '../lib/curl.mjs';
import { mib, seededBytes, seededSha256, sha256 } from '../lib/data.mjs';
import { AGENT_ID, TOKEN, startProgram } from '../lib/pair.mjs';
import { eventually, freePorts, within } from '../lib/wait.mjs';

const SERVICE_ACCOUNT_TOKEN = 'e2e-token-of-a-service-account';
const PODS = '/api/v1/namespaces/default/pods';
const V4 = 'v4.channel.k8s.io';
const V5 = 'v5.channel.k8s.io';

/** The files of an authority of its own, and of a server that it vouches for: {ca, cert, key}. */
function certificates(t) {
  const files = Object.fromEntries(['ca', 'ca-key', 'cert', 'key', 'request', 'names'].map((name) => [name, t.file(`${name}.pem`)]));
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...ec, '-days', '2', '-subj', '/CN=cluster', '-keyout', files['ca-key'], '-out', files.ca);
  openssl('req', ...ec, '-subj', '/CN=kubernetes', '-keyout', files.key, '-out', files.request);
  writeFileSync(files.names, 'subjectAltName=DNS:kubernetes.default.svc,IP:127.0.0.1\n');
  const signed = ['-CA', files.ca, '-CAkey', files['ca-key'], '-CAcreateserial', '-days', '2', '-extfile', files.names];
  openssl('x509', '-req', '-in', files.request, ...signed, '-out', files.cert);
  return files;
}

/** An API server with one pod, and the options of an agent for it. */
async function startApi(t) {
  const { ca, cert, key } = certificates(t);
  const [port] = await freePorts(1);
  const api = Helper.fork('kubernetes', fileURLToPath(new URL('../upstream/kubernetes.mjs', import.meta.url)), {
    logDirectory: t.logDirectory,
    args: [String(port), cert, key, SERVICE_ACCOUNT_TOKEN],
  });
  t.cleanup(() => api.stop());
  await api.line(/^upstream ready$/, 20_000);
  const tokenFile = t.file('token');
  writeFileSync(tokenFile, `${SERVICE_ACCOUNT_TOKEN}\n`);
  await api.ask('addPod', { name: 'web' });
  return { api, options: ['--kubernetes-api', `https://127.0.0.1:${port}`, '--kubernetes-token-file', tokenFile, '--kubernetes-ca', ca] };
}

/** A cluster behind a pair of its own that may do `allowed`: the API server, and a client's configuration for the gateway. */
async function cluster(t, ...allowed) {
  const { api, options } = await startApi(t);
  const pair = await t.startPair({
    gateway: ['--route', `127.0.0.1=${AGENT_ID};target=kubernetes;upgrade=SPDY/3.1`],
    agent: [...options, '--kubernetes-allow', ...allowed],
  });
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: pair.url(''), skipTLSVerify: true }], // which is how this client is told to do without TLS
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return { api, pair, config };
}

/** Everything that is written to it, as text. */
class Sink extends PassThrough {
  text = '';
  bytes = 0;

  constructor() {
    super();
    this.on('data', (chunk) => {
      this.bytes += chunk.length;
      if (this.bytes <= 65_536) this.text += chunk;
    });
  }

  /** Waits until it holds a text. */
  async holds(part) {
    await eventually(15_000, `"${part}" in "${this.text}"`, () => this.text.includes(part));
  }
}

async function lists({ api, config }) {
  const core = config.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespacedPod({ namespace: 'default' });
  assert.deepEqual(items.map((pod) => pod.metadata.name), ['web']);
  assert.equal((await core.readNamespacedPod({ namespace: 'default', name: 'web' })).status.phase, 'Running');
  await assert.rejects(core.readNamespacedPod({ namespace: 'default', name: 'none' }), { code: 404 });
  for (const { headers } of await api.ask('requests')) assert.equal(headers.authorization, `Bearer ${SERVICE_ACCOUNT_TOKEN}`);
}

async function watches({ api, config }) {
  const seen = [];
  const request = await new Watch(config).watch(PODS, { resourceVersion: '0' }, (type, pod) => seen.push(`${type} ${pod.metadata.name}`), () => {});
  const saw = (event) => eventually(15_000, `${event} among ${seen}`, () => seen.includes(event));
  await saw('ADDED web');
  await api.ask('addPod', { name: 'second' });
  await saw('ADDED second');
  await api.ask('deletePod', { name: 'second' });
  await saw('DELETED second');
  request.abort();
  await eventually(10_000, 'the watch to end at the API server', async () => (await api.ask('open')).watchers === 0);
}

async function followsLogs({ api, config }) {
  await api.ask('addLog', { name: 'web', line: 'first line' });
  const out = new Sink();
  const request = await new Log(config).log('default', 'web', 'main', out, { follow: true });
  await out.holds('first line\n');
  await api.ask('addLog', { name: 'web', line: 'second line' });
  await out.holds('second line\n');
  request.abort();
  await eventually(10_000, 'the log to end at the API server', async () => (await api.ask('open')).followers === 0);
}

/** Runs a command; what it wrote, and its status. */
async function run(config, command, { protocol, stdin = null } = {}) {
  const factory = (uri, protocols, options) => new WebSocket(uri, protocol ? [protocol] : protocols, options);
  const [stdout, stderr] = [new Sink(), new Sink()];
  const hash = [];
  stdout.on('data', (chunk) => hash.push(chunk));
  let socket;
  const status = await within(60_000, `the end of ${command}`, new Promise((resolve, reject) => {
    new Exec(config, new WebSocketHandler(config, factory, { stdin, stdout, stderr }))
      .exec('default', 'web', 'main', command, stdout, stderr, stdin, false, resolve)
      .then((opened) => (socket = opened), reject);
  }));
  return { status, stdout, stderr, sha256: sha256(Buffer.concat(hash)), protocol: socket.protocol };
}

async function executes({ api, config }) {
  for (const protocol of [undefined, V5, V4]) {
    const echoed = await run(config, ['echo', 'hello', 'a b&c=%2f'], { protocol });
    assert.equal(echoed.stdout.text, 'hello a b&c=%2f\n');
    assert.equal(echoed.status.status, 'Success');
    assert.equal(echoed.protocol, protocol ?? V5);
    const failed = await run(config, ['fail', '7'], { protocol });
    assert.equal(failed.stderr.text, 'it failed\n');
    assert.equal(failed.status.details.causes[0].message, '7', 'the exit code');
  }
  const upgrades = (await api.ask('requests')).filter(({ upgrade }) => upgrade);
  assert.equal(upgrades.length, 6);
  for (const { headers } of upgrades) assert.equal(headers.authorization, `Bearer ${SERVICE_ACCOUNT_TOKEN}`);
}

async function executesInBulk(t, { config }) {
  const bytes = 20_000_000;
  const down = await run(config, ['bytes', String(bytes)], { protocol: V5 });
  assert.equal(down.sha256, seededSha256('exec', bytes), 'all of a command\'s output, and nothing else');
  const input = seededBytes('stdin', bytes);
  const stdin = new PassThrough();
  stdin.end(input);
  const up = await run(config, ['sha256'], { protocol: V5, stdin });
  assert.equal(up.stdout.text, sha256(input), 'the end of stdin comes after all of it');
  t.figure(`${mib(bytes)} each way`);
}

async function attaches(t, { config }) {
  const [stdin, stdout] = [new PassThrough(), new Sink()];
  const socket = await new Attach(config).attach('default', 'web', 'main', stdout, null, stdin, false);
  t.cleanup(() => socket.terminate());
  await stdout.holds('attached\n');
  stdin.write('ls');
  await stdout.holds('heard ls');
}

async function forwardsPorts(t, { config }) {
  const [input, output, errors] = [new PassThrough(), new Sink(), new Sink()];
  const socket = await new PortForward(config).portForward('default', 'web', [8080], output, errors, input);
  t.cleanup(() => socket.terminate());
  input.write('ping');
  await output.holds('8080:ping');
  assert.equal(errors.text, '');
}

async function clientReads(t) {
  const up = await cluster(t, 'read');
  await lists(up);
  await watches(up);
  await followsLogs(up);
}

async function clientStreams(t) {
  const up = await cluster(t, '/api', 'exec', 'attach', 'portforward');
  await executes(up);
  await attaches(t, up);
  await forwardsPorts(t, up);
  await executesInBulk(t, up);
}

/** What the rules refuse never comes to the API server. */
async function refuses(t) {
  const { api, pair, config } = await cluster(t, 'read');
  const refused = async (path, ...args) => {
    const answer = errorAnswer(await curl(t, ['--path-as-is', ...args, pair.url(path)]), 403);
    assert.equal(answer.code, 'forbidden', path);
    return answer.message;
  };
  assert.match(await refused(`${PODS}/web/exec?command=id`), /exec is not allowed/);
  assert.match(await refused(`${PODS}/web/%65xec?command=id`), /exec is not allowed/);
  assert.match(await refused(`${PODS}/web`, '-X', 'DELETE'), /write is not allowed/);
  assert.match(await refused(PODS, '-d', '{}'), /write is not allowed/);
  assert.match(await refused('/metrics'), /path is not allowed/);
  for (const path of ['/api/../metrics', '/api/%2e%2e/metrics', '/api//v1', '/api/v1%2fpods', '/api/v1%5cpods', '/api/%252e%252e/x']) {
    await refused(path);
  }
  await assert.rejects(run(config, ['echo', 'hello']), { message: /403/ });
  assert.deepEqual(await api.ask('requests'), [], 'nothing of this came to the API server');

  const stolen = ['-H', 'Authorization: Bearer stolen', '-H', 'Impersonate-User: admin', '-H', 'X-Remote-Group: system:masters', '-H', 'Cookie: a=b'];
  assert.equal((await curl(t, [...stolen, pair.url('/version')])).code, 0);
  const [{ headers }] = await api.ask('requests');
  assert.equal(headers.authorization, `Bearer ${SERVICE_ACCOUNT_TOKEN}`);
  for (const name of ['impersonate-user', 'x-remote-group', 'cookie']) assert.equal(headers[name], undefined, name);
}

/** The agent that knows services: by names to what listens at their addresses, also to those that come later. */
async function services(t) {
  const { api, options } = await startApi(t);
  const webPort = t.upstreams.httpPort;
  const pair = await t.startPair({
    withAgent: false,
    gateway: ['web', 'late', 'local'].flatMap((name) => ['--route', `${name}.test=${AGENT_ID};target=${name}.default:http`]),
  });
  const own = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!own) return t.figure('left out: this machine has no address but the loopback, and services may not have that');
  const relay = createServer((socket) => pipeline(socket, connect(webPort, '127.0.0.1'), socket, () => {})).listen(0, own.address);
  t.cleanup(() => new Promise((resolve) => relay.close(resolve)));
  await once(relay, 'listening');
  const service = { clusterIP: own.address, ports: [{ name: 'http', port: relay.address().port }] };
  await api.ask('addService', { name: 'web', ...service });
  await api.ask('addService', { name: 'local', ...service, clusterIP: '127.0.0.1' });
  const gateway = `ws://127.0.0.1:${pair.tunnelPort}/tunnel`;
  const tokenFile = t.file('agent-token');
  writeFileSync(tokenFile, TOKEN);
  const agent = startProgram(
    'kubernetes-agent',
    ['--gateway', gateway, '--agent-id', AGENT_ID, '--token-file', tokenFile, '--services', 'default', ...options, '--kubernetes-allow', 'read'],
    { logDirectory: t.logDirectory, name: 'agent-kubernetes' },
  );
  t.cleanup(() => agent.stop());
  await agent.line(/^agent ready/, 30_000);
  const ask = (host, path = '/hello') => curl(t, ['-H', `Host: ${host}`, pair.url(path)]);
  assert.equal((await ask('web.test')).body.toString(), 'hello\n');
  assert.match(errorAnswer(await ask('late.test'), 403).message, /no such target: late.default/);
  assert.match(errorAnswer(await ask('local.test'), 403).message, /no such target: local.default/);
  await api.ask('addService', { name: 'late', ...service });
  await eventually(15_000, 'the service that came late', async () => (await ask('late.test')).body.toString() === 'hello\n');
  assert.match((await ask('127.0.0.1', '/api/v1/namespaces/default/pods')).body.toString(), /"PodList"/, 'and the API itself');
  const { code } = await agent.stop();
  assert.equal(code, 0, 'it ends as it was told');
}

const KUBECTL = process.env.E2E_KUBECTL ?? 'kubectl';

function hasKubectl(t) {
  try {
    execFileSync(KUBECTL, ['version', '--client'], { stdio: 'pipe' });
    return true;
  } catch {
    t.figure('left out: there is no kubectl on the path (Debian: kubernetes-client)');
    return false;
  }
}

/** Starts kubectl with a configuration of its own and nothing of this user's; `up` may add to its environment. */
function kubectl(t, { pair, env }, ...args) {
  const home = t.file('kube-home');
  const child = Child.spawn(`kubectl-${args[0]}`, KUBECTL, ['--server', pair.url(''), '--cache-dir', home, ...args], {
    logDirectory: t.logDirectory,
    env: { KUBECONFIG: '/dev/null', HOME: home, ...env },
    stdin: args.includes('-i') ? 'pipe' : 'ignore',
  });
  t.cleanup(() => child.stop());
  return child;
}

async function ended(child) {
  const { code } = await within(30_000, `${child.name} to end`, child.exited);
  return { code, out: child.stdout.join('\n'), err: child.stderr.join('\n') };
}

async function kubectlReads(t, up) {
  const listed = await ended(kubectl(t, up, 'get', 'pods'));
  assert.equal(listed.code, 0, listed.err);
  assert.match(listed.out, /^NAME +READY +STATUS +RESTARTS +AGE\nweb +1\/1 +Running +0 +5d$/);
  const missing = await ended(kubectl(t, up, 'get', 'pod', 'none'));
  assert.equal(missing.code, 1);
  assert.match(missing.err, /pods "none" not found/);
  const refused = await ended(kubectl(t, up, 'delete', 'pod', 'web'));
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Forbidden/);

  const watching = kubectl(t, up, 'get', 'pods', '-w');
  await watching.line(/^web .*Running/, 15_000);
  await up.api.ask('modifyPod', { name: 'web', phase: 'Pending' });
  await watching.line(/^web .*Pending/, 15_000);
  await watching.stop();

  await up.api.ask('addLog', { name: 'web', line: 'first line' });
  const following = kubectl(t, up, 'logs', '-f', 'web');
  await following.line(/^first line$/, 15_000);
  await up.api.ask('addLog', { name: 'web', line: 'second line' });
  await following.line(/^second line$/, 15_000);
  await following.stop();
  await eventually(10_000, 'watch and log to end at the API server', async () => {
    const { watchers, followers } = await up.api.ask('open');
    return watchers === 0 && followers === 0;
  });
}

async function kubectlExecutes(t, up) {
  const echoed = await ended(kubectl(t, up, 'exec', 'web', '--', 'echo', 'hello', 'there'));
  assert.equal(echoed.code, 0, echoed.err);
  assert.equal(echoed.out, 'hello there');
  const failed = await ended(kubectl(t, up, 'exec', 'web', '--', 'fail', '7'));
  assert.equal(failed.code, 7, failed.err);
  assert.match(failed.err, /it failed/);
}

async function kubectlWorks(t) {
  if (!hasKubectl(t)) return;
  const up = await cluster(t, 'read', 'exec');
  await kubectlReads(t, up);
  await kubectlExecutes(t, up);
}

/** What kubectl did before it learnt WebSockets, and does for ports to this day: a server made of the kubelet's own code answers. */
async function spdy(t) {
  if (!process.env.E2E_SPDY_UPSTREAM) return t.figure('left out: E2E_SPDY_UPSTREAM names no program (upstream/spdy)');
  if (!hasKubectl(t)) return undefined;
  const [port, localPort] = await freePorts(2);
  const server = Child.spawn('spdy', process.env.E2E_SPDY_UPSTREAM, [`127.0.0.1:${port}`], { logDirectory: t.logDirectory });
  t.cleanup(() => server.stop());
  await server.line(/^upstream ready$/, 20_000);
  const pair = await t.startPair({
    gateway: ['--route', `127.0.0.1=${AGENT_ID};target=kubernetes;upgrade=SPDY/3.1`],
    agent: ['--kubernetes-api', `http://127.0.0.1:${port}`, '--kubernetes-allow', '/api', '/apis', 'exec', 'portforward'],
  });
  const up = { pair, env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' } };
  const echoed = await ended(kubectl(t, up, 'exec', 'web', '--', 'echo', 'hello'));
  assert.equal(echoed.code, 0, echoed.err);
  assert.equal(echoed.out, 'echo hello');
  const failed = await ended(kubectl(t, up, 'exec', 'web', '--', 'fail'));
  assert.equal(failed.code, 7, failed.err);
  const cat = kubectl(t, up, 'exec', '-i', 'web', '--', 'cat');
  const input = Buffer.from(seededBytes('spdy', 750_000).toString('base64'));
  cat.process.stdin.end(input);
  const copied = await ended(cat);
  assert.equal(copied.code, 0, copied.err);
  assert.equal(sha256(copied.out), sha256(input), 'stdin came back whole, and its end with it');
  const forwarding = kubectl(t, up, 'port-forward', 'web', `${localPort}:8080`);
  await forwarding.line(/^Forwarding from 127/, 15_000);
  const client = connect(localPort, '127.0.0.1');
  const out = new Sink();
  client.pipe(out);
  client.write('ping');
  await out.holds('port 8080\nping');
  client.destroy();
  const ways = server.stdout.filter((line) => line.includes(' by '));
  assert.deepEqual([...new Set(ways)], ['exec by SPDY/3.1', 'portforward by SPDY/3.1']);
}

export const checks = [
  check('client-reads', clientReads, { needsTunnel: true, pair: 'none' }),
  check('client-streams', clientStreams, { needsTunnel: true, pair: 'none', timeoutMs: 180_000 }),
  check('refusals', refuses, { needsTunnel: true, pair: 'none' }),
  check('services', services, { needsTunnel: true, pair: 'none' }),
  check('kubectl', kubectlWorks, { needsTunnel: true, pair: 'none', timeoutMs: 180_000 }),
  check('spdy', spdy, { needsTunnel: true, pair: 'none', timeoutMs: 180_000 }),
];
