// What breaks is seen to break, at the other end too, and never looks whole.
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { curl } from '../../lib/curl.mjs';
import { seededBytes } from '../../lib/data.mjs';
import { within } from '../../lib/wait.mjs';
import { row } from '../lib/matrix.mjs';

const PATIENCE_MS = 10_000;

/** The server dies behind `after` bytes of a body. What had come before is the client's. */
const diesInBody = (framing, how) => async (t) => {
  const heads = { length: 'Content-Length: 1000000', chunked: 'Transfer-Encoding: chunked', close: 'Connection: close' };
  t.serveRaw(async ({ peer, socket }) => {
    const piece = framing === 'chunked' ? '3E8\r\n' + 'd'.repeat(1_000) + '\r\n' : 'd'.repeat(1_000);
    peer.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${heads[framing]}\r\n\r\n${piece}`);
    await arrived;
    if (how === 'reset') socket.resetAndDestroy();
    else socket.destroy();
  });
  let isThere;
  const arrived = new Promise((resolve) => (isThere = resolve));
  const request = httpRequest(t.url('', { service: 'raw' }));
  t.cleanup(() => request.destroy());
  request.end();
  const [response] = await within(PATIENCE_MS, 'the head', once(request, 'response'));
  t.note(`status ${response.statusCode}`);
  let bytes = 0;
  const ended = new Promise((resolve) => {
    response.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes === 1_000) isThere();
    });
    response.on('error', () => resolve('broken off')).on('end', () => resolve('complete'));
    request.on('error', () => resolve('broken off'));
  });
  t.note(`the body is ${await within(PATIENCE_MS, 'the end of the body', ended)} after ${bytes} bytes`);
};

/** As curl tells it. */
async function diesInChunk(t) {
  t.serveRaw(({ peer, socket }) => {
    peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\nonly so much');
    socket.end();
  });
  const result = await t.curl([t.url('', { service: 'raw' })]);
  t.remark(`curl ${result.code}`);
}

/** A proxy has to say something where a server says nothing: any failure is as good as another, but none is a success. */
const failsBeforeHead = (act) => async (t) => {
  t.serveRaw(act);
  const result = await curl(t, ['-o', '/dev/null', t.url('', { service: 'raw' })]);
  t.note(result.code !== 0 || result.info.http_code >= 500 ? 'failure' : `status ${result.info.http_code}`);
  t.remark(`curl ${result.code}, status ${result.info.http_code}`);
};

async function refused(t) {
  const result = await curl(t, ['-o', '/dev/null', t.url('', { service: 'dead' })]);
  t.note(result.code !== 0 || result.info.http_code >= 500 ? 'failure' : `status ${result.info.http_code}`);
  t.remark(`curl ${result.code}, status ${result.info.http_code}`);
}

/** Answers that nobody may take for good. */
const invalid = (bytes) => async (t) => {
  t.serveRaw(({ peer, socket }) => {
    peer.write(Buffer.from(bytes, 'latin1'));
    socket.end();
  });
  const request = httpRequest(t.url('', { service: 'raw' }));
  t.cleanup(() => request.destroy());
  request.end();
  const outcome = new Promise((resolve) => {
    request.on('error', () => resolve('failure'));
    request.on('response', (response) => {
      response.on('error', () => resolve('failure')).on('end', () => resolve(response.statusCode >= 500 ? 'failure' : `status ${response.statusCode}`)).resume();
    });
  });
  t.note(await within(PATIENCE_MS, 'an end', outcome));
};

/** The client goes: the upstream is to see it, whatever it was doing. */
const clientGoes = (when) => async (t) => {
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  t.serve(async (exchange) => {
    if (when === 'upload') {
      exchange.request.once('data', begun);
      await exchange.closed;
      return;
    }
    if (when === 'download' || when === 'idle') {
      exchange.response.writeHead(200, { 'Content-Type': 'text/plain' });
      exchange.response.write('begun');
      if (when === 'download') exchange.response.write(Buffer.alloc(8_000_000));
    } else {
      begun();
    }
    await exchange.closed;
  });
  const request = httpRequest(t.url(`/${when}`), { method: when === 'upload' ? 'POST' : 'GET' });
  request.on('error', () => {}); // the end that is wanted
  if (when === 'upload') request.write(seededBytes('up', 100_000));
  else request.end();
  if (when === 'download' || when === 'idle') {
    const [response] = await within(PATIENCE_MS, 'the head', once(request, 'response'));
    response.on('error', () => {});
    await within(PATIENCE_MS, 'the body', once(response, 'readable'));
  } else {
    await within(PATIENCE_MS, 'the upstream to have the request', isBegun);
  }
  request.destroy();
  await t.settled();
};

async function clientsPatienceEnds(t) {
  t.serve(async (exchange) => exchange.closed);
  await t.curl(['--max-time', '1', t.url('/silent')]);
}

/** A body that the client does not end is not to end at the upstream. */
const clientDiesInUpload = (head, body) => async (t) => {
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  t.serve(async (exchange) => {
    let bytes = 0;
    exchange.request.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes >= 5) begun();
    });
    exchange.request.on('end', () => exchange.note('takes the body for whole'));
    await exchange.closed;
  });
  const raw = await t.connect();
  raw.write(`POST ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\n${head}\r\n\r\n${body}`);
  await within(PATIENCE_MS, 'the upstream to have the beginning', isBegun);
  raw.destroy();
  await t.settled();
};

/** A client that has sent all may close its sending half, and still be answered. */
async function halfClosed(t) {
  let begun;
  const isBegun = new Promise((resolve) => (begun = resolve));
  t.serve(async (exchange) => {
    await exchange.body();
    await within(PATIENCE_MS, 'the client to have ended its half', isBegun);
    exchange.answer();
  });
  const raw = await t.connect();
  raw.socket.end(`GET ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nConnection: close\r\n\r\n`, () => begun());
  t.noteRaw(await raw.response());
}

/** The upstream lets go of a connection that a pool keeps; the next request must not suffer. */
const pooledConnectionEnds = (method) => async (t) => {
  t.serve(async (exchange) => {
    await exchange.body();
    const { socket } = exchange.request;
    exchange.answer();
    await exchange.closed;
    socket.end();
  });
  for (let i = 0; i < 5; i++) await t.curl(['-X', method, ...(method === 'POST' ? ['--data', `body ${i}`] : []), t.url(`/${i}`)]);
};

async function lateAnswer(t) {
  t.serve(async (exchange) => {
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    exchange.answer('late\n');
  });
  await t.curl([t.url('/late')]);
}

/** Two answers to one request: the second is nobody's. */
async function unaskedAnswer(t) {
  t.serveRaw(({ peer }) => {
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison\n');
  });
  for (let i = 0; i < 3; i++) {
    const result = await curl(t, [t.url(`/${i}`, { service: 'raw' })]);
    t.note(`body ${JSON.stringify(result.body.toString())}`);
  }
}

async function bodyLongerThanSaid(t) {
  t.serveRaw(({ peer, socket }) => {
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none\nand more than that');
    socket.end();
  });
  const result = await curl(t, [t.url('', { service: 'raw' })]);
  t.note(`status ${result.info.http_code}, body ${JSON.stringify(result.body.toString())}`);
}

async function uploadIsRefusedAndClosed(t) {
  const file = t.file('body');
  writeFileSync(file, seededBytes('refused', 5_000_000));
  t.serveRaw(({ peer, socket }) => {
    peer.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n');
    socket.end();
  });
  const result = await curl(t, ['-H', 'Expect:', '--data-binary', `@${file}`, t.url('', { service: 'raw' })]);
  t.note(result.info.http_code === 403 ? `status 403, body ${JSON.stringify(result.body.toString())}` : `curl ${result.code}, status ${result.info.http_code}`);
}

export const rows = [
  row('upstream-dies-in-body-by-length', diesInBody('length', 'close')),
  row('upstream-dies-in-body-chunked', diesInBody('chunked', 'close')),
  row('upstream-resets-in-body-by-length', diesInBody('length', 'reset')),
  row('upstream-resets-in-body-chunked', diesInBody('chunked', 'reset')),
  row('upstream-resets-in-body-until-close', diesInBody('close', 'reset')),
  row('upstream-dies-in-chunk', diesInChunk),
  row('upstream-closes-before-head', failsBeforeHead(({ socket }) => socket.end())),
  row('upstream-resets-before-head', failsBeforeHead(({ socket }) => socket.resetAndDestroy())),
  row('upstream-closes-within-head', failsBeforeHead(({ peer, socket }) => {
    peer.write('HTTP/1.1 200 OK\r\nContent-Le');
    socket.end();
  })),
  row('upstream-refuses-connection', refused),
  row('upstream-speaks-no-http', invalid('SSH-2.0-OpenSSH_9.2\r\n')),
  row('upstream-has-two-lengths', invalid('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd')),
  row('upstream-has-a-bad-chunk', invalid('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n')),
  row('upstream-answers-unasked', unaskedAnswer),
  row('upstream-says-more-than-announced', bodyLongerThanSaid),
  row('upstream-refuses-upload-and-closes', uploadIsRefusedAndClosed),
  row('client-goes-while-waiting', clientGoes('waiting')),
  row('client-goes-in-download', clientGoes('download')),
  row('client-goes-in-idle-stream', clientGoes('idle')),
  row('client-goes-in-upload', clientGoes('upload')),
  row('client-dies-in-upload-by-length', clientDiesInUpload('Content-Length: 100', 'hello')),
  row('client-dies-in-upload-between-chunks', clientDiesInUpload('Transfer-Encoding: chunked', '5\r\nhello\r\n')),
  row('client-dies-in-upload-within-chunk', clientDiesInUpload('Transfer-Encoding: chunked', 'ff\r\nhello')),
  row('client-ends-its-half', halfClosed),
  row('clients-patience-ends', clientsPatienceEnds),
  row('pooled-connection-ends-get', pooledConnectionEnds('GET')),
  row('pooled-connection-ends-post', pooledConnectionEnds('POST')),
  row('late-answer', lateAnswer),
];
