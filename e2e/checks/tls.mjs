// The tunnel through TLS, with a certificate made on the spot.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as tlsConnect } from 'node:tls';
import { WebSocket } from 'ws';
import { check } from '../lib/suite.mjs';
import { curl } from '../lib/curl.mjs';
import { seededBytes, sha256 } from '../lib/data.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { pause, within } from '../lib/wait.mjs';

const TLS_HANDSHAKE = 0x16;

/** A self-signed certificate for localhost: {cert, key}, two files. */
function selfSigned(t, name) {
  const files = { cert: t.file(`${name}.crt`), key: t.file(`${name}.key`) };
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', [...request, ...names, '-keyout', files.key, '-out', files.cert], { stdio: 'pipe' });
  return files;
}

/** A gateway with the certificate, and an agent that trusts `ca`. */
function securePair(t, { cert, key }, ca, options = {}) {
  return t.startPair({ scheme: 'wss', gateway: ['--tls-cert', cert, '--tls-key', key], agent: ['--tls-ca', ca], ...options });
}

/** Whether a port speaks TLS. */
function speaksTls(port, cert) {
  return within(5_000, `an answer from port ${port}`, new Promise((resolve) => {
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(cert) });
    const say = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('secureConnect', () => say(true)).once('error', () => say(false)).once('close', () => say(false));
    socket.setTimeout(2_000, () => say(false));
  }));
}

async function secureTunnel(t) {
  const own = selfSigned(t, 'gateway');
  const pair = await securePair(t, own, own.cert);
  assert.ok(await speaksTls(pair.tunnelPort, own.cert), 'the tunnel port speaks TLS');
  const isFrontSecure = await speaksTls(pair.httpPort, own.cert);
  t.figure(`front door speaks ${isFrontSecure ? 'https' : 'http'}`);
  const scheme = (plain) => (isFrontSecure ? `${plain}s` : plain);

  const result = await curl(t, ['--cacert', own.cert, pair.url('/hello', scheme('http'))]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.body.toString(), 'hello\n');
  const download = await curl(t, ['--cacert', own.cert, pair.url('/sized?bytes=20000000', scheme('http'))]);
  assert.equal(download.sha256, sha256(seededBytes('sized', 20_000_000)));

  const socket = new WebSocket(pair.url('/ws/echo', scheme('ws')), { ca: readFileSync(own.cert) });
  t.cleanup(() => socket.terminate());
  await within(10_000, 'the WebSocket', once(socket, 'open'));
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const message = seededBytes(`tls ${length}`, length);
    socket.send(message);
    const [echoed] = await within(10_000, 'the echo', once(socket, 'message'));
    assert.ok(echoed.equals(message), `a message of ${length} bytes came back as another`);
  }
}

async function wrongAuthority(t) {
  const own = selfSigned(t, 'gateway');
  const other = selfSigned(t, 'other');
  const pair = await securePair(t, own, other.cert, { withAgent: false });
  const recorder = await Recorder.start(t, pair.tunnelPort);
  const agent = pair.spawnAgent({ gatewayPort: recorder.port });
  t.cleanup(() => agent.stop());
  await agent.line(/certificate|certpath|trust|pkix|tls|ssl/i, 20_000, agent.stderr);
  await pause(6_000);
  t.figure(`${recorder.connections.length} attempts in 6 s`);
  t.figure(agent.stderr.findLast((line) => /certificate|certpath|trust|pkix|tls|ssl/i.test(line))?.slice(0, 160));
  assert.ok(agent.isAlive, `the agent gave up: ${agent.tail(5)}`);
  assert.ok(!agent.stdout.some((line) => line.startsWith('agent ready')), 'the agent trusts whom it must not');
  assert.ok(recorder.connections.length >= 1);
  for (const { answer } of recorder.connections) {
    assert.ok(answer === '' || answer.charCodeAt(0) === TLS_HANDSHAKE, `no plain answer: ${answer.slice(0, 40)}`);
  }
}

export const checks = [
  check('wss-tunnel', secureTunnel, { needsTunnel: true, pair: 'none' }),
  check('wrong-authority', wrongAuthority, { needsTunnel: true, pair: 'none' }),
];
