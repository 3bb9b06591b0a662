// A cluster's API, with kubectl and the official client for Node. The API server is the acceptance suite's fake; what stands between adds its token.
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { mkdirSync } from 'node:fs';
import { Attach, CoreV1Api, Exec, KubeConfig, Log, PortForward, Watch } from '@kubernetes/client-node';
import { WebSocketHandler } from '@kubernetes/client-node/dist/web-socket-handler.js';
import { WebSocket } from 'ws';
import { Child, Helper } from '../../lib/children.mjs';
import { MIB, seededBytes, seededSha256, sha256 } from '../../lib/data.mjs';
import { eventually, within } from '../../lib/wait.mjs';
import { KUBERNETES_TOKEN } from '../lib/columns.mjs';
import { row as anyRow } from '../lib/matrix.mjs';

const PATIENCE_MS = 20_000;
const PODS = '/api/v1/namespaces/default/pods';
const row = (name, run, { needs = [], ...options } = {}) => anyRow(name, run, { needs: ['kubernetes', ...needs], quiet: true, timeoutMs: 60_000, ...options });

let api;

/** Starts the API server, with one pod. */
export async function setUp({ ports }, { logs, cert, key }) {
  api = Helper.fork('kubernetes', fileURLToPath(new URL('../../upstream/kubernetes.mjs', import.meta.url)), {
    logDirectory: logs,
    args: [String(ports.kubernetes), cert, key, KUBERNETES_TOKEN],
  });
  await api.line(/^upstream ready$/, PATIENCE_MS);
  await api.ask('addPod', { name: 'web' });
  return () => api.stop();
}

const isDirect = (t) => t.column.name === 'direct';
const server = (t) => `${isDirect(t) ? 'https' : 'http'}://${t.authority('kubernetes')}`;

function configuration(t) {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: server(t), skipTLSVerify: true }],
    users: [{ name: 'u', ...(isDirect(t) && { token: KUBERNETES_TOKEN }) }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

/** Everything that is written to it. */
class Sink extends PassThrough {
  chunks = [];

  constructor() {
    super();
    this.on('data', (chunk) => this.chunks.push(Buffer.from(chunk)));
  }

  get all() {
    return Buffer.concat(this.chunks);
  }

  async holds(part) {
    await eventually(PATIENCE_MS, `"${part}"`, () => this.all.includes(part));
  }
}

async function lists(t) {
  const core = configuration(t).makeApiClient(CoreV1Api);
  t.note((await core.listNamespacedPod({ namespace: 'default' })).items.map((pod) => pod.metadata.name).join(' '));
  t.note((await core.readNamespacedPod({ namespace: 'default', name: 'web' })).status.phase);
  t.note(await core.readNamespacedPod({ namespace: 'default', name: 'none' }).then(() => 'there', ({ code, body }) => `${code} ${JSON.parse(body).message}`));
}

async function watches(t) {
  const seen = [];
  const name = `pod-${t.tag}`;
  const request = await new Watch(configuration(t)).watch(PODS, { resourceVersion: '0' }, (type, pod) => {
    if (pod.metadata.name === name) seen.push(type);
  }, () => {});
  for (const [action, event] of [['addPod', 'ADDED'], ['modifyPod', 'MODIFIED'], ['deletePod', 'DELETED']]) {
    await api.ask(action, { name, phase: 'Pending' });
    await eventually(PATIENCE_MS, event, () => seen.includes(event));
    t.note(event);
  }
  request.abort();
  await eventually(PATIENCE_MS, 'the watch to end at the API server', async () => (await api.ask('open')).watchers === 0);
}

async function followsLogs(t) {
  const name = `pod-${t.tag}`;
  await api.ask('addPod', { name });
  await api.ask('addLog', { name, line: 'first line' });
  const out = new Sink();
  const request = await new Log(configuration(t)).log('default', name, 'main', out, { follow: true });
  await out.holds('first line\n');
  await api.ask('addLog', { name, line: 'second line' });
  await out.holds('second line\n');
  t.note(out.all.toString());
  request.abort();
  await eventually(PATIENCE_MS, 'the log to end at the API server', async () => (await api.ask('open')).followers === 0);
  await api.ask('deletePod', { name });
}

/** Runs a command and notes what it wrote and how it ended. */
async function run(t, command, { protocol, stdin = null } = {}) {
  const config = configuration(t);
  const factory = (uri, protocols, options) => new WebSocket(uri, protocol ? [protocol] : protocols, { ...options, rejectUnauthorized: false });
  const [stdout, stderr] = [new Sink(), new Sink()];
  let socket;
  const status = await within(PATIENCE_MS * 2, `the end of ${command}`, new Promise((resolve, reject) => {
    new Exec(config, new WebSocketHandler(config, factory, { stdin, stdout, stderr }))
      .exec('default', 'web', 'main', command, stdout, stderr, stdin, false, resolve)
      .then((opened) => (socket = opened), reject);
  }));
  const shown = stdout.all.length > 200 ? sha256(stdout.all) : JSON.stringify(stdout.all.toString());
  t.note(`${socket.protocol}: ${shown}, errors ${JSON.stringify(stderr.all.toString())}, ${status.status} ${status.details?.causes?.[0]?.message ?? ''}`);
  return stdout.all;
}

const executes = (protocol) => async (t) => {
  await run(t, ['echo', 'hello', 'a b&c=%2f'], { protocol });
  await run(t, ['fail', '7'], { protocol });
  await run(t, ['nothing-of-the-kind'], { protocol });
};

async function executesInBulk(t) {
  const bytes = 8 * MIB;
  const down = await run(t, ['bytes', String(bytes)]);
  t.note(sha256(down) === seededSha256('exec', bytes) ? 'all of it, exact' : 'another');
  const input = seededBytes('stdin', bytes);
  const stdin = new PassThrough();
  stdin.end(input);
  const up = await run(t, ['sha256'], { protocol: 'v5.channel.k8s.io', stdin });
  t.note(up.toString() === sha256(input) ? 'and up' : 'another up');
}

async function attaches(t) {
  const [stdin, stdout] = [new PassThrough(), new Sink()];
  const socket = await new Attach(configuration(t)).attach('default', 'web', 'main', stdout, null, stdin, false);
  t.cleanup(() => socket.terminate());
  await stdout.holds('attached\n');
  stdin.write('ls');
  await stdout.holds('heard ls');
  t.note(stdout.all.toString());
}

async function forwardsPorts(t) {
  const [input, output, errors] = [new PassThrough(), new Sink(), new Sink()];
  const socket = await new PortForward(configuration(t)).portForward('default', 'web', [8080], output, errors, input);
  t.cleanup(() => socket.terminate());
  input.write('ping');
  await output.holds('8080:ping');
  t.note(`${output.all} ${errors.all}`.trim());
}

/** kubectl with a configuration of its own and nothing of this user's. */
function kubectl(t, ...args) {
  const home = t.file('kube-home');
  mkdirSync(home, { recursive: true });
  const identity = isDirect(t) ? ['--token', KUBERNETES_TOKEN, '--insecure-skip-tls-verify'] : [];
  const child = Child.spawn(`kubectl-${args[0]}`, 'kubectl', ['--server', server(t), '--cache-dir', home, ...identity, ...args], {
    env: { KUBECONFIG: '/dev/null', HOME: home },
  });
  t.cleanup(() => child.stop());
  return child;
}

async function noteKubectl(t, child) {
  const { code } = await within(PATIENCE_MS, `${child.name} to end`, child.exited);
  t.note(`exit ${code}`);
  for (const line of child.stdout) t.note(`out ${line.replace(/\d+d$/, 'AGE')}`);
  for (const line of child.stderr) t.note(`err ${line}`);
}

async function kubectlGets(t) {
  await noteKubectl(t, kubectl(t, 'get', 'pods', 'web'));
  await noteKubectl(t, kubectl(t, 'get', 'pods', '-o', 'name'));
  await noteKubectl(t, kubectl(t, 'get', 'pod', 'none'));
}

async function kubectlFollows(t) {
  const name = `pod-${t.tag}`;
  await api.ask('addPod', { name });
  const watching = kubectl(t, 'get', 'pod', name, '-w');
  await watching.line(/Running/, PATIENCE_MS);
  await api.ask('modifyPod', { name, phase: 'Pending' });
  await watching.line(/Pending/, PATIENCE_MS);
  t.note('sees the change');
  await api.ask('addLog', { name, line: 'first line' });
  const following = kubectl(t, 'logs', '-f', name);
  await following.line(/^first line$/, PATIENCE_MS);
  await api.ask('addLog', { name, line: 'second line' });
  await following.line(/^second line$/, PATIENCE_MS);
  t.note('follows the log');
  await Promise.all([watching.stop(), following.stop()]);
  await api.ask('deletePod', { name });
}

async function kubectlExecutes(t) {
  await noteKubectl(t, kubectl(t, 'exec', 'web', '--', 'echo', 'hello', 'there'));
  await noteKubectl(t, kubectl(t, 'exec', 'web', '--', 'fail', '7'));
}

export const rows = [
  row('list-and-read', lists),
  row('watch', watches),
  row('log-followed', followsLogs),
  row('exec-v5', executes('v5.channel.k8s.io'), { webSocket: true }),
  row('exec-v4', executes('v4.channel.k8s.io'), { webSocket: true }),
  row('exec-8-mib-both-ways', executesInBulk, { webSocket: true }),
  row('attach', attaches, { webSocket: true }),
  row('port-forward', forwardsPorts, { webSocket: true }),
  row('kubectl-get', kubectlGets, { needs: ['kubectl'] }),
  row('kubectl-follows', kubectlFollows, { needs: ['kubectl'] }),
  row('kubectl-exec', kubectlExecutes, { needs: ['kubectl'], webSocket: true }),
];
