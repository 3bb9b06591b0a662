// As much of a Kubernetes API server as its clients need to look at pods, to talk to them, and to find services. Run by the suite as a process of its own:
// kubernetes.mjs PORT CERTIFICATE KEY TOKEN
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { serveAnswers } from '../lib/answers.mjs';
import { seededBlocks } from '../lib/data.mjs';

const [port, certificate, key, token] = process.argv.slice(2);
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const CREATED = '2026-01-02T03:04:05Z';
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const CLOSE = 255;
const MAX_UNSENT = 1 << 20;

/** What came: {method, url, headers, upgrade}. */
const requests = [];
/** Name → {labels, log: lines, phase}. */
const pods = new Map();
/** All that ever happened to pods, by resource version: {type, name, pod, version}. */
const events = [];
/** Name → {clusterIP, ports}. */
const services = new Map();
const watchers = new Set();
const followers = new Set();
let version = 100;

function change(type, name, fields = {}) {
  const pod = { log: [], labels: { app: name }, phase: 'Running', ...pods.get(name), ...fields, version: ++version };
  if (type === 'DELETED') pods.delete(name);
  else pods.set(name, pod);
  events.push({ type, name, pod: { ...pod }, version });
  for (const wake of [...watchers]) wake();
}

const podObject = (name, { labels, phase, version: resourceVersion }) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: String(resourceVersion), creationTimestamp: CREATED, labels },
  spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'example/main:1' }] },
  status: { phase, podIP: '10.0.0.7', containerStatuses: [{ name: 'main', ready: true, restartCount: 0, image: 'example/main:1', imageID: '', state: {} }] },
});

const COLUMNS = ['Name', 'Ready', 'Status', 'Restarts', 'Age'].map((name) => ({
  name,
  type: 'string',
  format: name === 'Name' ? 'name' : '',
  description: '',
  priority: 0,
}));

const table = (items, resourceVersion) => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata: { resourceVersion: String(resourceVersion) },
  columnDefinitions: COLUMNS,
  rows: items.map(([name, pod]) => ({
    cells: [name, '1/1', pod.phase, '0', '5d'],
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: podObject(name, pod).metadata },
  })),
});

const status = (code, reason, message) => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });

function answer(response, code, object) {
  const body = Buffer.from(typeof object === 'string' ? object : JSON.stringify(object));
  response.writeHead(code, { 'Content-Type': typeof object === 'string' ? 'text/plain' : 'application/json', 'Content-Length': body.length });
  response.end(body);
}

const resource = (name, kind, verbs, namespaced = true) => ({ name, singularName: kind.toLowerCase(), namespaced, kind, verbs, ...(name === 'pods' && { shortNames: ['po'] }) });

const documents = {
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0', gitCommit: '', gitTreeState: 'clean', buildDate: CREATED, goVersion: 'go1.23', compiler: 'gc', platform: 'linux/amd64' },
  '/healthz': 'ok',
  '/readyz': 'ok',
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      resource('pods', 'Pod', ['get', 'list', 'watch', 'create', 'delete']),
      resource('pods/log', 'Pod', ['get']),
      resource('pods/exec', 'PodExecOptions', ['create', 'get']),
      resource('pods/attach', 'PodAttachOptions', ['create', 'get']),
      resource('pods/portforward', 'PodPortForwardOptions', ['create', 'get']),
      resource('namespaces', 'Namespace', ['get', 'list'], false),
    ],
  },
};

const wantsTable = (request) => (request.headers.accept ?? '').includes('as=Table');

const wantsWatch = (query) => query.get('watch') === 'true' || query.get('watch') === '1';

function list(request, response, query) {
  if (wantsWatch(query)) return watch(request, response, query);
  const items = [...pods].sort(([a], [b]) => a.localeCompare(b));
  if (wantsTable(request)) return answer(response, 200, table(items, version));
  const objects = items.map(([name, pod]) => podObject(name, pod));
  return answer(response, 200, { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: String(version) }, items: objects });
}

function watch(request, response, query) {
  let seen = Number(query.get('resourceVersion') || version);
  const asTable = wantsTable(request);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  const wake = () => {
    for (const event of events.filter((each) => each.version > seen)) {
      const object = asTable ? table([[event.name, event.pod]], event.version) : podObject(event.name, event.pod);
      response.write(`${JSON.stringify({ type: event.type, object })}\n`);
      seen = event.version;
    }
  };
  watchers.add(wake);
  response.on('close', () => watchers.delete(wake));
  wake();
}

const serviceObject = (name, { clusterIP, ports, version: resourceVersion }) => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: String(resourceVersion), creationTimestamp: CREATED },
  spec: { type: 'ClusterIP', clusterIP, ports: ports.map((each) => ({ protocol: 'TCP', targetPort: each.port, ...each })) },
});

function listServices(response, query) {
  if (wantsWatch(query)) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    watchServices((event) => response.write(`${event}\n`), response);
    return;
  }
  const items = [...services].map(([name, service]) => serviceObject(name, service));
  answer(response, 200, { kind: 'ServiceList', apiVersion: 'v1', metadata: { resourceVersion: String(version) }, items });
}

/** Tells of services that come from now on, until `connection` closes. */
function watchServices(send, connection) {
  const known = new Set(services.keys());
  const wake = () => {
    for (const [name, service] of services) {
      if (!known.has(name)) send(JSON.stringify({ type: 'ADDED', object: serviceObject(name, service) }));
      known.add(name);
    }
  };
  watchers.add(wake);
  connection.on('close', () => watchers.delete(wake));
}

function log(response, pod, query) {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
  const tail = query.has('tailLines') ? Number(query.get('tailLines')) : Infinity;
  let written = Math.max(0, pod.log.length - tail);
  const write = () => {
    for (; written < pod.log.length; written++) response.write(`${pod.log[written]}\n`);
  };
  write();
  if (query.get('follow') !== 'true') return response.end();
  followers.add(write);
  response.on('close', () => followers.delete(write));
}

const SERVICES = '/api/v1/namespaces/default/services';
const POD = /^\/api\/v1\/namespaces\/default\/pods(?:\/([^/]+)(?:\/([a-z]+))?)?$/;

function record(request, upgrade) {
  requests.push({ method: request.method, url: request.url, headers: request.headers, upgrade });
  return request.headers.authorization === `Bearer ${token}`;
}

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  if (!record(request, null)) return answer(response, 401, status(401, 'Unauthorized', 'Unauthorized'));
  const { pathname, searchParams } = new URL(request.url, 'https://kubernetes');
  if (documents[pathname]) return answer(response, 200, documents[pathname]);
  if (pathname === SERVICES) return listServices(response, searchParams);
  const match = POD.exec(pathname);
  if (!match) return answer(response, 404, status(404, 'NotFound', 'the server could not find the requested resource'));
  const [, name, subresource] = match;
  if (!name) return list(request, response, searchParams);
  const pod = pods.get(name);
  if (!pod) return answer(response, 404, status(404, 'NotFound', `pods "${name}" not found`));
  if (subresource === 'log') return log(response, pod, searchParams);
  if (subresource) return answer(response, 400, status(400, 'BadRequest', 'Upgrade request required'));
  if (request.method === 'DELETE') change('DELETED', name);
  return answer(response, 200, podObject(name, pod));
});

/** One WebSocket of the channel protocols: a byte that says which channel, then its bytes. */
class Channels {
  constructor(socket) {
    this.socket = socket;
    this.hasClose = socket.protocol === PROTOCOLS[0];
  }

  /** Resolves when there is room for more. */
  async send(channel, bytes) {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(bytes)]));
    while (this.socket.bufferedAmount > MAX_UNSENT && this.socket.readyState === this.socket.OPEN) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ends a command as the kubelet does, with its exit code. */
  async exit(code) {
    const causes = [{ reason: 'ExitCode', message: String(code) }];
    const failure = { ...status(undefined, 'NonZeroExitCode', `command terminated with non-zero exit code ${code}`), details: { causes } };
    await this.send(ERROR, JSON.stringify(code === 0 ? { metadata: {}, status: 'Success' } : failure));
    this.socket.close(1000);
  }

  /** Calls back with the bytes of one channel, and when the client has ended it (v5 alone can say so). */
  on(channel, onBytes, onEnd = () => {}) {
    this.socket.on('message', (data) => {
      if (this.hasClose && data[0] === CLOSE && data[1] === channel) onEnd();
      else if (data[0] === channel) onBytes(data.subarray(1));
    });
  }
}

/** Name of a command → what it does, with the words behind it. */
const commands = {
  echo: async (channels, words) => {
    await channels.send(STDOUT, `${words.join(' ')}\n`);
    await channels.exit(0);
  },
  fail: async (channels, [code]) => {
    await channels.send(STDERR, 'it failed\n');
    await channels.exit(Number(code));
  },
  cat: (channels) => channels.on(STDIN, (bytes) => channels.send(STDOUT, bytes), () => channels.exit(0)),
  sha256: (channels) => {
    const hash = createHash('sha256');
    channels.on(STDIN, (bytes) => hash.update(bytes), async () => {
      await channels.send(STDOUT, hash.digest('hex'));
      await channels.exit(0);
    });
  },
  bytes: async (channels, [count]) => {
    for (const block of seededBlocks('exec', Number(count))) await channels.send(STDOUT, block);
    await channels.exit(0);
  },
};

/** Subresource → what it does with a new WebSocket. */
const streams = {
  exec: (channels, query) => {
    const [command, ...words] = query.getAll('command');
    if (commands[command]) return commands[command](channels, words);
    return channels.exit(127);
  },
  attach: async (channels) => {
    await channels.send(STDOUT, 'attached\n');
    channels.on(STDIN, (bytes) => channels.send(STDOUT, `heard ${bytes}`));
  },
  portforward: async (channels, query) => {
    const ports = query.getAll('ports').flatMap((each) => each.split(','));
    for (const [i, each] of ports.entries()) {
      const number = Buffer.alloc(2);
      number.writeUInt16LE(Number(each));
      await channels.send(2 * i, number);
      await channels.send(2 * i + 1, number);
      channels.on(2 * i, (bytes) => channels.send(2 * i, `${each}:${bytes}`));
    }
  },
};

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
});

server.on('upgrade', (request, socket, head) => {
  const refuse = (line) => socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  socket.on('error', () => {}); // a client that is gone
  if (!record(request, request.headers.upgrade)) return refuse('401 Unauthorized');
  const { pathname, searchParams } = new URL(request.url, 'https://kubernetes');
  if (pathname === SERVICES && wantsWatch(searchParams)) {
    return sockets.handleUpgrade(request, socket, head, (opened) => watchServices((event) => opened.send(event), opened));
  }
  const [, name, subresource] = POD.exec(pathname) ?? [];
  if (!pods.has(name) || !streams[subresource]) return refuse('404 Not Found');
  if (request.headers.upgrade.toLowerCase() !== 'websocket') return refuse('400 Bad Request');
  return sockets.handleUpgrade(request, socket, head, (opened) => {
    opened.on('error', () => {}); // it closes as well
    streams[subresource](new Channels(opened), searchParams);
  });
});

server.listen(Number(port), '127.0.0.1', () => console.log('upstream ready'));

serveAnswers({
  requests: () => requests.splice(0),
  addPod: ({ name, ...fields }) => change('ADDED', name, fields),
  modifyPod: ({ name, ...fields }) => change('MODIFIED', name, fields),
  addService: ({ name, ...fields }) => {
    services.set(name, { ...fields, version: ++version });
    for (const wake of [...watchers]) wake();
  },
  deletePod: ({ name }) => change('DELETED', name),
  addLog: ({ name, line }) => {
    pods.get(name).log.push(line);
    for (const write of [...followers]) write();
  },
  open: () => ({ watchers: watchers.size, followers: followers.size, sockets: sockets.clients.size }),
});
