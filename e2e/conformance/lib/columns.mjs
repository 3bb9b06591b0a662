// The paths to the upstreams: straight, through nginx, through a gateway and an agent.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { helpOf, startProgram } from '../../lib/pair.mjs';
import { freePorts, within } from '../../lib/wait.mjs';
import { Nginx } from './nginx.mjs';
import { portOf } from './upstreams.mjs';

const READY_MS = 30_000;
const TOKEN = 'conformance-token-5d0e';
const AGENT_ID = 'conformance';
/** So that compressed and long messages go through where messages are read on the way; by default the one is off and the other 16 MiB. */
const AWARE_OPTIONS = ['--websocket-deflate', '--websocket-max-message', '64MiB'];
/** Of the service account that the API server knows. */
export const KUBERNETES_TOKEN = 'conformance-service-account-5d0e';

/**
 * A path. What it can do is asked by `lacks(need)`, which says why not, or nothing if it can:
 *
 * - `tls`: HTTP/1.1 over TLS
 * - `h2`: HTTP/2 over TLS
 * - `h2c`: HTTP/2 in clear, from the first byte on
 * - `grpc`: the same all the way to the gRPC server
 * - `h2-websocket`: WebSockets over HTTP/2 (RFC 8441)
 * - `tcp`: a port that leads to a TCP server
 * - `kubernetes`: the API of a cluster; `kubectl` that the machine has it
 */
class Column {
  constructor(name, upstreams, files) {
    this.name = name;
    this.upstreams = upstreams;
    this.files = files;
  }

  /** Why this column cannot be had at all; asked after `start`. */
  absence = null;
  isOurs = false;

  async start() {}

  async stop() {}

  async lacks(need) {
    return need === 'kubectl' && !hasKubectl() ? 'there is no kubectl on the path' : null;
  }
}

const hasKubectl = () => spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

export class Direct extends Column {
  constructor(upstreams, files) {
    super('direct', upstreams, files);
  }

  /** @param front `plain`, `tls` or `h2c` */
  port(service, front) {
    const { upstreams } = this;
    if (service === 'web' && front === 'tls') return portOf(upstreams.secure);
    if (service === 'web' && front === 'h2c') return portOf(upstreams.h2c);
    if (service === 'grpc' && front === 'tls') return upstreams.ports.grpcSecure;
    return upstreams.ports[service];
  }
}

export class NginxColumn extends Column {
  constructor(upstreams, files) {
    super('nginx', upstreams, files);
  }

  async start() {
    this.absence = Nginx.absence();
    if (this.absence) return;
    this.nginx = await Nginx.start(this.upstreams.ports, { ...this.files, kubernetesToken: KUBERNETES_TOKEN });
  }

  port(service, front) {
    return this.nginx.ports[['tcp', 'kubernetes'].includes(service) ? service : front];
  }

  async lacks(need) {
    if (need === 'h2-websocket') return 'nginx has no WebSockets over HTTP/2';
    if (need === 'tcp' && !Nginx.hasStreams()) return 'nginx needs its stream module for that';
    return super.lacks(need);
  }

  async stop() {
    await this.nginx?.stop();
  }
}

/** A gateway and an agent, and a second pair with TLS once a row asks for it. */
export class Tunnel extends Column {
  #starting = new Map();
  #pairs = new Map();
  #lacking = new Map();

  /** @param mode the gateway's --websocket-mode, if not its default */
  constructor(upstreams, files, { name = 'tunnelmux', mode } = {}) {
    super(name, upstreams, files);
    this.isOurs = true;
    this.mode = mode;
    /** The options that both programs have, as far as rows depend on them. */
    this.can = abilities();
  }

  async start() {
    try {
      await this.#pair('plain');
    } catch (error) {
      this.absence = error.message.split('\n')[0];
    }
  }

  port(service, front) {
    const pair = this.#pairs.get(service === 'kubernetes' ? 'kubernetes' : front === 'tls' ? 'tls' : 'plain');
    return service === 'tcp' ? pair.tcpPort : pair.httpPort;
  }

  async lacks(need) {
    if (!this.#lacking.has(need)) this.#lacking.set(need, await this.#probe(need));
    return this.#lacking.get(need);
  }

  async #probe(need) {
    if (need === 'h2c' && !this.can.h2c) return 'the gateway has no --h2c yet';
    if (need === 'grpc' && !(this.can.h2c && this.can.h2cUpstream)) return 'HTTP/2 does not reach the upstream yet';
    if (need === 'tcp' && !this.can.tcp) return 'the gateway has no --tcp-listen yet';
    if (need === 'kubernetes') {
      if (!this.can.kubernetes) return 'the agent has no --kubernetes-api yet';
      await this.#pair('kubernetes');
    }
    if (need === 'tls') await this.#pair('tls');
    if (need === 'h2' || need === 'h2-websocket') {
      const { httpPort } = await this.#pair('tls');
      if ((await protocolOf(httpPort)) !== 'h2') return 'the gateway speaks HTTP/1.1 only, yet';
    }
    return super.lacks(need);
  }

  #pair(kind) {
    if (!this.#starting.has(kind)) this.#starting.set(kind, this.#startPair(kind));
    return this.#starting.get(kind);
  }

  async #startPair(kind) {
    const [httpPort, tunnelPort, tcpPort] = await freePorts(3);
    const { ports } = this.upstreams;
    const isSecure = kind === 'tls';
    const pair = { httpPort, tcpPort };
    this.#pairs.set(kind, pair);
    const name = (program) => ({ logDirectory: this.files.logs, name: `${this.name}-${kind}-${program}` });
    pair.gateway = startProgram(
      'gateway',
      [
        ...['--listen', `127.0.0.1:${httpPort}`, '--tunnel-listen', `127.0.0.1:${tunnelPort}`, '--token', TOKEN, '--default-agent', AGENT_ID],
        ...(this.mode ? ['--websocket-mode', this.mode, ...AWARE_OPTIONS] : []),
        ...(isSecure ? ['--tls-cert', this.files.cert, '--tls-key', this.files.key] : []),
        ...(kind === 'kubernetes' ? ['--route', `127.0.0.1=${AGENT_ID};target=kubernetes;upgrade=SPDY/3.1`] : []),
        ...(!isSecure && this.can.h2c ? ['--h2c'] : []),
        ...(!isSecure && this.can.tcp ? ['--tcp-listen', `127.0.0.1:${tcpPort}=${AGENT_ID}:127.0.0.1:${ports.tcp}`] : []),
      ],
      name('gateway'),
    );
    await pair.gateway.line(/^gateway ready/, READY_MS);
    const route = (prefix, url) => ['--route', `${prefix}=${url}`];
    pair.agent = startProgram(
      'agent',
      [
        ...['--gateway', `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${tunnelPort}/tunnel`, '--agent-id', AGENT_ID, '--token', TOKEN],
        ...(isSecure ? ['--tls-ca', this.files.cert] : []),
        ...route('/', `http://127.0.0.1:${ports.web}`),
        ...route('/raw', `http://127.0.0.1:${ports.raw}`),
        ...route('/dead', `http://127.0.0.1:${ports.dead}`),
        ...route('/socket.io', `http://127.0.0.1:${ports.socketio}`),
        ...(this.can.h2cUpstream ? route('/conformance.Talk', `h2c://127.0.0.1:${ports.grpc}`) : []),
        ...(this.can.tcp ? ['--allow', `127.0.0.1:${ports.tcp}`] : []),
        ...(kind === 'kubernetes' ? this.#kubernetesOptions() : []),
        ...(this.mode ? AWARE_OPTIONS : []),
      ],
      name('agent'),
    );
    await pair.agent.line(/^agent ready/, READY_MS);
    return pair;
  }

  #kubernetesOptions() {
    const token = join(this.files.directory, 'kubernetes-token');
    writeFileSync(token, `${KUBERNETES_TOKEN}\n`);
    return [
      ...['--kubernetes-api', `https://127.0.0.1:${this.upstreams.ports.kubernetes}`, '--kubernetes-token-file', token],
      ...['--kubernetes-ca', this.files.cert, '--kubernetes-allow', 'read', 'exec', 'attach', 'portforward'],
    ];
  }

  /** The processes that have ended, which none should. */
  get dead() {
    if (this.absence) return [];
    return [...this.#pairs.values()].flatMap(({ gateway, agent }) => [gateway, agent]).filter((child) => child && !child.isAlive);
  }

  async stop() {
    await Promise.all([...this.#pairs.values()].flatMap(({ gateway, agent }) => [gateway?.stop(), agent?.stop()]));
  }
}

/** What the built programs can do, by what they say of themselves. */
function abilities() {
  const [gateway, agent] = ['gateway', 'agent'].map((which) => helpOf(which));
  return {
    h2c: /--h2c\b/.test(gateway),
    kubernetes: /--kubernetes-api\b/.test(agent),
    h2cUpstream: /h2c:\/\//.test(agent),
    tcp: /--tcp-listen/.test(gateway) && !/--tcp-listen=\S+\s+not yet/.test(gateway),
  };
}

/** What a TLS listener chooses of HTTP/2 and HTTP/1.1. */
function protocolOf(port) {
  return within(10_000, 'a TLS handshake', new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: '127.0.0.1', port, ALPNProtocols: ['h2', 'http/1.1'], rejectUnauthorized: false });
    socket.once('error', reject).once('secureConnect', () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
  }));
}
