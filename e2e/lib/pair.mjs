// A gateway and an agent in front of the upstreams; or, with PAIR=direct, the upstreams alone.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, Helper } from './children.mjs';
import { eventually, freePorts } from './wait.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 20_000;

/** Whether the checks run against the upstreams without any tunnel, to prove the checks themselves. */
export const DIRECT = process.env.PAIR === 'direct';
export const TOKEN = 'e2e-token-3f9c1d7a5b';
export const AGENT_ID = 'e2e';

const words = (text) => (text ?? '').split(' ').filter(Boolean);

const JARS = {
  gateway: process.env.E2E_GATEWAY_JAR ?? join(REPOSITORY, 'examples/gateway/target/tunnel-gateway.jar'),
  agent: process.env.E2E_AGENT_JAR ?? join(REPOSITORY, 'examples/agent/target/tunnel-agent.jar'),
  'kubernetes-agent': join(REPOSITORY, 'examples/kubernetes-agent/target/tunnel-kubernetes-agent.jar'),
};

export function requireJars() {
  const missing = Object.values(JARS).filter((jar) => !existsSync(jar));
  if (missing.length > 0) throw new Error(`not built: ${missing.join(', ')} (mvn -B -DskipTests package)`);
}

const java = () => (process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin/java') : 'java');

/** Starts one of the programs with just these arguments. */
export function startProgram(which, args, { logDirectory, name = which } = {}) {
  const jvm = ['-Xmx256m', ...words(process.env.E2E_JAVA_OPTS), '-jar', JARS[which]];
  return Child.spawn(name, java(), [...jvm, ...args], { logDirectory });
}

/** What one of the two programs says of its options. */
export function helpOf(which) {
  return execFileSync(java(), ['-jar', JARS[which], '--help'], { encoding: 'utf8', timeout: READY_MS });
}

/** The two upstream processes. */
export class Upstreams {
  static async start(logDirectory) {
    const [httpPort, webSocketPort] = await freePorts(2);
    const fork = (name, file, port) =>
      Helper.fork(name, fileURLToPath(new URL(`../upstream/${file}`, import.meta.url)), { logDirectory, args: [String(port)] });
    const upstreams = new Upstreams();
    Object.assign(upstreams, { httpPort, webSocketPort });
    upstreams.http = fork('upstream-http', 'http.mjs', httpPort);
    upstreams.webSockets = fork('upstream-ws', 'ws.mjs', webSocketPort);
    await Promise.all([upstreams.http.line(/^upstream ready$/, READY_MS), upstreams.webSockets.line(/^upstream ready$/, READY_MS)]);
    return upstreams;
  }

  get isAlive() {
    return this.http.isAlive && this.webSockets.isAlive;
  }

  async stop() {
    await Promise.all([this.http.stop(), this.webSockets.stop()]);
  }
}

let started = 0;

/** One gateway with one agent. Checks ask it for addresses, and for the processes to look at or to kill. */
export class Pair {
  /**
   * @param options.gateway further options of the gateway
   * @param options.agent further options of the agent
   * @param options.scheme `ws` or `wss`, for the agent's way to the gateway
   * @param options.credentials the gateway's options that say which token is whose
   * @param options.isPortShared whether clients and agents come in by the same port
   * @param options.withAgent whether to start the agent now
   */
  static async start(upstreams, logDirectory, options = {}) {
    const pair = new Pair(upstreams, logDirectory, options);
    if (DIRECT) return pair;
    [pair.httpPort, pair.tunnelPort, pair.deadPort] = await freePorts(3);
    if (options.isPortShared) pair.tunnelPort = pair.httpPort;
    try {
      await pair.startGateway();
      if (options.withAgent !== false) await pair.startAgent();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  constructor(upstreams, logDirectory, options) {
    this.upstreams = upstreams;
    this.logDirectory = logDirectory;
    this.options = options;
    this.number = ++started;
  }

  async startGateway() {
    const args = [
      ...['--listen', `127.0.0.1:${this.httpPort}`, '--tunnel-listen', `127.0.0.1:${this.tunnelPort}`],
      ...['--default-agent', AGENT_ID],
      ...(this.options.credentials ?? ['--token', TOKEN]),
      ...(this.options.gateway ?? []),
      ...words(process.env.E2E_GATEWAY_OPTS),
    ];
    this.gateway = startProgram('gateway', args, { logDirectory: this.logDirectory, name: `gateway-${this.number}` });
    this.gatewayReadyLine = await this.gateway.line(/^gateway ready/, READY_MS);
  }

  /** Starts the agent (again) and waits until it says that it is ready. */
  async startAgent(options) {
    this.agent = this.spawnAgent(options);
    this.agentReadyLine = await this.agent.line(/^agent ready/, READY_MS);
  }

  /** Starts an agent without waiting for anything. */
  spawnAgent({ agentId = AGENT_ID, gatewayPort = this.tunnelPort, token = TOKEN, extra = words(process.env.E2E_AGENT_OPTS) } = {}) {
    const args = [
      ...['--gateway', `${this.options.scheme ?? 'ws'}://127.0.0.1:${gatewayPort}/tunnel`, '--agent-id', agentId, '--token', token],
      ...['--route', `/=http://127.0.0.1:${this.upstreams.httpPort}`],
      ...['--route', `/ws=http://127.0.0.1:${this.upstreams.webSocketPort}`],
      ...['--route', `/refused=http://127.0.0.1:${this.deadPort}`],
      ...(this.options.agent ?? []),
      ...extra,
    ];
    const name = agentId === AGENT_ID ? `agent-${this.number}` : `agent-${this.number}-${agentId}`;
    return startProgram('agent', args, { logDirectory: this.logDirectory, name });
  }

  /** The address that serves `path`. */
  address(path) {
    const direct = path.startsWith('/ws') ? this.upstreams.webSocketPort : this.upstreams.httpPort;
    return { host: '127.0.0.1', port: DIRECT ? direct : this.httpPort };
  }

  authority(path) {
    const { host, port } = this.address(path);
    return `${host}:${port}`;
  }

  url(path, scheme = 'http') {
    return `${scheme}://${this.authority(path)}${path}`;
  }

  /** Waits until a request comes through. */
  async serves(timeoutMs) {
    await eventually(timeoutMs, 'a request to come through', async () => {
      try {
        return (await fetch(this.url('/hello'))).ok;
      } catch {
        return false;
      }
    });
  }

  get isAlive() {
    return DIRECT || (this.gateway.isAlive && this.agent.isAlive);
  }

  async stop() {
    await Promise.all([this.gateway?.stop(), this.agent?.stop()]);
  }
}
