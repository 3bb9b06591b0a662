// All processes of the browser test: the services, gateways, agents, the browser.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Child } from '../../lib/children.mjs';
import { helpOf, startProgram } from '../../lib/pair.mjs';
import { freePorts } from '../../lib/wait.mjs';
import { Pages } from './pages.mjs';

const READY_MS = 30_000;
const TOKEN = 'browser-token-77aa01';
const HERE = fileURLToPath(new URL('..', import.meta.url));
/** Nothing of the browser's own is to go anywhere. */
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-domain-reliability', '--no-proxy-server'],
];

export class World {
  static async start(directory) {
    const world = new World();
    world.directory = directory;
    world.logs = join(directory, 'logs');
    mkdirSync(world.logs, { recursive: true });
    try {
      world.pages = await Pages.start();
      await world.#startVite();
      world.gateway = await world.#startGateway('gateway', []);
      world.agents = { pages: await world.startAgent('pages'), app: await world.startAgent('app') };
      await world.#startBrowser();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /** The project is edited by the test, so it is a copy that Vite serves. */
  async #startVite() {
    this.app = join(this.directory, 'vite-app');
    cpSync(join(HERE, 'vite-app'), this.app, { recursive: true });
    [this.vitePort] = await freePorts(1);
    const vite = join(HERE, 'node_modules/vite/bin/vite.js');
    const args = [vite, this.app, '--port', String(this.vitePort), '--strictPort', '--host', '127.0.0.1', '--clearScreen', 'false'];
    this.vite = Child.spawn('vite', process.execPath, args, { logDirectory: this.logs, env: { NO_COLOR: '1' } });
    await this.vite.line(/Local:/, READY_MS);
  }

  async #startGateway(name, options) {
    const [port, tunnelPort] = await freePorts(2);
    const args = [
      ...['--listen', `127.0.0.1:${port}`, '--tunnel-listen', `127.0.0.1:${tunnelPort}`, '--token', TOKEN],
      ...['--route', 'chat.localhost=pages', '--route', 'app.localhost=app', '--default-agent', 'pages'],
    ];
    const gateway = startProgram('gateway', [...args, ...options], { logDirectory: this.logs, name });
    Object.assign(gateway, { port, tunnelPort });
    await gateway.line(/^gateway ready/, READY_MS);
    return gateway;
  }

  /** An agent for one of the two services. */
  async startAgent(id, { gateway = this.gateway, scheme = 'ws', extra = [] } = {}) {
    const upstream = { pages: this.pages.port, app: this.vitePort }[id];
    const args = ['--gateway', `${scheme}://127.0.0.1:${gateway.tunnelPort}/tunnel`, '--agent-id', id, '--token', TOKEN];
    const agent = startProgram('agent', [...args, '--upstream', `http://127.0.0.1:${upstream}`, ...extra], { logDirectory: this.logs, name: `agent-${id}` });
    await agent.line(/^agent ready/, READY_MS);
    return agent;
  }

  /** A second gateway, with TLS and agents of its own, once a check asks for it. */
  secureGateway() {
    this.starting ??= (async () => {
      const files = { cert: join(this.directory, 'front.crt'), key: join(this.directory, 'front.key') };
      const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1'];
      execFileSync('openssl', [...request, ...names, '-keyout', files.key, '-out', files.cert], { stdio: 'pipe' });
      this.secure = await this.#startGateway('gateway-tls', ['--tls-cert', files.cert, '--tls-key', files.key]);
      const options = { gateway: this.secure, scheme: 'wss', extra: ['--tls-ca', files.cert] };
      this.secureAgents = await Promise.all(['pages', 'app'].map((id) => this.startAgent(id, options)));
      return this.secure;
    })();
    return this.starting;
  }

  async #startBrowser() {
    this.profile = mkdtempSync(join(tmpdir(), 'tunnelmux-browser-'));
    this.browser = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: FLAGS,
      ignoreHTTPSErrors: true,
      viewport: { width: 1_240, height: 640 },
    });
    this.browser.setDefaultTimeout(READY_MS);
  }

  url(host, path = '/') {
    return `http://${host}.localhost:${this.gateway.port}${path}`;
  }

  get help() {
    return helpOf('gateway');
  }

  async stop() {
    await this.browser?.close();
    if (this.profile) rmSync(this.profile, { recursive: true, force: true });
    const agents = [...Object.values(this.agents ?? {}), ...(this.secureAgents ?? [])];
    await Promise.all([...agents, this.gateway, this.secure, this.vite].map((child) => child?.stop()));
    await this.pages?.stop();
  }
}
