// Debian's nginx as a reverse proxy, configured as people do who know what goes through it. Its own prefix, its own process.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { connect } from 'node:net';
import { Child } from '../../lib/children.mjs';
import { eventually, freePorts } from '../../lib/wait.mjs';

const READY_MS = 10_000;
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const SEARCHED = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };

export class Nginx {
  /** Why there is none, or null. */
  static absence() {
    const { error, status, stderr } = spawnSync('nginx', ['-V'], { encoding: 'utf8', env: SEARCHED });
    if (error) return 'nginx is not installed';
    if (status !== 0) return `nginx -V ended with ${status}`;
    return /http_v2_module/.test(stderr) ? null : 'this nginx has no HTTP/2';
  }

  /** Whether it can forward TCP. */
  static hasStreams() {
    return existsSync(STREAM_MODULE);
  }

  /** @param upstreams service → port */
  static async start(upstreams, { directory, logs, cert, key, kubernetesToken }) {
    const nginx = new Nginx();
    const [plain, tls, h2c, kubernetes, tcp] = await freePorts(5);
    nginx.ports = { plain, tls, h2c, kubernetes, ...(Nginx.hasStreams() && { tcp }) };
    const prefix = join(directory, 'nginx');
    mkdirSync(prefix, { recursive: true });
    const file = join(prefix, 'nginx.conf');
    writeFileSync(file, configuration({ ports: nginx.ports, upstreams, cert, key, kubernetesToken }));
    nginx.child = Child.spawn('nginx', 'nginx', ['-p', prefix, '-e', join(prefix, 'error.log'), '-c', file], { logDirectory: logs, env: SEARCHED });
    await eventually(READY_MS, 'nginx to listen', async () => {
      if (nginx.child.exit) throw new Error(`nginx ended: ${nginx.child.tail(5)}`);
      return (await Promise.all([plain, tls, h2c, kubernetes].map(listens))).every(Boolean);
    });
    return nginx;
  }

  async stop() {
    await this.child.stop();
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const say = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => say(true)).once('error', () => say(false));
  });
}

const configuration = ({ ports, upstreams, cert, key, kubernetesToken }) => `
${ports.tcp ? `load_module ${STREAM_MODULE};` : ''}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 4096; }
${ports.tcp ? `stream { server { listen 127.0.0.1:${ports.tcp}; proxy_pass 127.0.0.1:${upstreams.tcp}; proxy_half_close on; } }` : ''}
http {
  access_log off;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;

  client_max_body_size 0;
  large_client_header_buffers 4 16k;
  keepalive_requests 100000;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_buffer_size 64k;
  proxy_buffers 8 64k;
  proxy_read_timeout 1h;
  proxy_send_timeout 1h;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }

  upstream web { server 127.0.0.1:${upstreams.web}; keepalive 64; }
  upstream raw { server 127.0.0.1:${upstreams.raw}; keepalive 16; }
  upstream socketio { server 127.0.0.1:${upstreams.socketio}; keepalive 16; }

  server {
    listen 127.0.0.1:${ports.plain};
    listen 127.0.0.1:${ports.tls} ssl http2;
    listen 127.0.0.1:${ports.h2c} http2;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    location / { proxy_pass http://web; }
    location /raw { proxy_pass http://raw; }
    location /dead { proxy_pass http://127.0.0.1:${upstreams.dead}; }
    location /socket.io { proxy_pass http://socketio; }
    location /conformance.Talk {
      grpc_pass grpc://127.0.0.1:${upstreams.grpc};
      grpc_read_timeout 1h;
      grpc_send_timeout 1h;
    }
  }
  server {
    listen 127.0.0.1:${ports.kubernetes};
    location / {
      proxy_pass https://127.0.0.1:${upstreams.kubernetes};
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Authorization "Bearer ${kubernetesToken}";
    }
  }
}
`;
