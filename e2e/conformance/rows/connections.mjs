// Client connections: kept, closed, shared by requests in a row.
import { row } from '../lib/matrix.mjs';

const reply = async (exchange) => {
  await exchange.body();
  exchange.answer(`${exchange.request.url.split('/').at(-1)}\n`);
};

async function kept(t) {
  t.serve(reply);
  const urls = Array.from({ length: 6 }, (_, i) => t.url(`/${i}`));
  const result = await t.curl(['-w', '%{stderr}connects=%{num_connects} ', ...urls]);
  t.note(`new connections ${result.stderr.match(/connects=\d+/g).join(' ')}`);
}

/** After each kind of answer, the connection is good for another. */
async function keptAfterAnything(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    const { response } = exchange;
    const what = exchange.request.url.split('/').at(-1);
    if (what === 'chunked') response.writeHead(200, { 'Content-Type': 'text/plain' }).end('chunked\n');
    else if (what === 'nothing') response.writeHead(204).end();
    else if (what === 'unchanged') response.writeHead(304).end();
    else exchange.answer(`${what}\n`, { status: what === 'missing' ? 404 : what === 'fault' ? 500 : 200 });
  });
  const raw = await t.connect();
  for (const what of ['plain', 'chunked', 'nothing', 'unchanged', 'missing', 'fault', 'plain']) {
    for (const method of ['GET', 'HEAD']) {
      raw.write(`${method} ${t.path(`/${what}`)} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
      t.noteRaw(await raw.response({ toHead: method === 'HEAD' }));
    }
  }
}

async function pipelined(t) {
  t.serve(reply);
  const raw = await t.connect();
  const requests = Array.from({ length: 20 }, (_, i) => {
    const body = `request ${i} `.repeat(i * 37);
    return `POST ${t.path(`/${i}`)} HTTP/1.1\r\nHost: ${t.authority()}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  });
  raw.write(requests.join(''));
  for (const _ of requests) t.noteRaw(await raw.response());
}

/** Whether a connection is closed after an answer: by what it says, and by what it does. */
const closing = (request) => async (t) => {
  t.serve((exchange) => exchange.answer());
  const raw = await t.connect();
  raw.write(request(t));
  const response = await raw.response();
  t.noteRaw(response);
  t.note(`the answer says close: ${response.headers.some(([name, value]) => name === 'connection' && /close/i.test(value))}`);
  raw.write(request(t));
  try {
    t.note(`another request: ${(await raw.response()).startLine.slice(9, 12)}`);
  } catch {
    t.note('another request is not answered');
  }
};

/** An upstream that closes after each answer need not cost the client its connection, and must not cost it an answer. */
async function upstreamCloses(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    exchange.answer('hello\n', { headers: { Connection: 'close' } });
  });
  const result = await t.curl(['-w', '%{stderr}connects=%{num_connects} ', ...Array.from({ length: 4 }, (_, i) => t.url(`/${i}`))]);
  t.remark(`new connections ${result.stderr.match(/connects=\d+/g).join(' ')}`);
}

const asked = (version, ...fields) => (t) => `GET ${t.path()} ${version}\r\n${[`Host: ${t.authority()}`, ...fields].join('\r\n')}\r\n\r\n`;

async function http10(t) {
  t.serve(({ response }) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.write('one ');
    response.end('two\n');
  });
  const raw = await t.connect();
  raw.write(`GET ${t.path()} HTTP/1.0\r\nHost: ${t.authority()}\r\n\r\n`);
  const head = await raw.head();
  t.note(`status ${head.startLine.split(' ')[1]}`);
  t.note(`chunked: ${head.headers.some(([name]) => name === 'transfer-encoding')}`);
  t.note(`body ${JSON.stringify((await raw.rest()).toString())}`);
}

async function http10WithCurl(t) {
  t.serve(reply);
  await t.curl(['--http1.0', t.url('/a')]);
  await t.curl(['--http1.0', '--data', 'old', t.url('/b')]);
}

/** 1.0 knows no Host. */
async function http10WithoutHost(t) {
  t.serve((exchange) => exchange.answer());
  const raw = await t.connect();
  raw.write(`GET ${t.path()} HTTP/1.0\r\n\r\n`);
  const response = await raw.response();
  t.note(`status ${response.startLine.split(' ')[1]}, body ${JSON.stringify(response.body.toString())}`);
}

/** Whether such a request is refused, by whomever. */
const refused = (request) => async (t) => {
  t.serve(reply);
  const raw = await t.connect();
  raw.write(...request(t));
  let status;
  try {
    status = (await raw.head()).startLine.split(' ')[1];
  } catch {
    status = '400'; // hung up on, which says the same
  }
  t.note(status.startsWith('4') || status === '501' ? 'refused' : `status ${status}`);
};

/** An empty line or two in front of a request, as old clients send behind a body. */
async function emptyLines(t) {
  t.serve(reply);
  const raw = await t.connect();
  for (let i = 0; i < 2; i++) {
    raw.write(`\r\n\r\nGET ${t.path(`/${i}`)} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
    t.noteRaw(await raw.response());
  }
}

async function slowHead(t) {
  t.serve(reply);
  const raw = await t.connect();
  for (const piece of ['GE', `T ${t.path('/slow')}`, ' HTTP/1.1\r', '\nHo', `st: ${t.authority()}\r\nX-A`, ': 1\r\n\r', '\n']) {
    await new Promise((resolve) => raw.socket.write(piece, resolve));
  }
  t.noteRaw(await raw.response());
}

const QUIET = { quiet: true };

export const rows = [
  row('kept-for-six-requests', kept),
  row('kept-after-any-answer', keptAfterAnything),
  row('pipelined', pipelined),
  row('close-asked-by-client', closing(asked('HTTP/1.1', 'Connection: close'))),
  row('kept-by-default', closing(asked('HTTP/1.1'))),
  row('upstream-closes-each-time', upstreamCloses),
  row('http10', http10),
  row('http10-curl', http10WithCurl),
  row('http10-without-host', http10WithoutHost),
  row('http10-close-by-default', closing(asked('HTTP/1.0'))),
  row('http10-kept-alive', closing(asked('HTTP/1.0', 'Connection: keep-alive'))),
  row('empty-lines-between-requests', emptyLines),
  row('head-in-pieces', slowHead),
  row('refused-without-host', refused((t) => [`GET ${t.path()} HTTP/1.1\r\n\r\n`]), QUIET),
  row('refused-two-lengths', refused((t) => [`POST ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`]), QUIET),
  row('refused-length-and-chunks', refused((t) => [`POST ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]), QUIET),
  row('refused-blank-before-colon', refused((t) => [`GET ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nX-Bad : 1\r\n\r\n`]), QUIET),
  row('refused-folded-line', refused((t) => [`GET ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nX-Folded: 1\r\n 2\r\n\r\n`]), QUIET),
  row('refused-bad-chunk', refused((t) => [`POST ${t.path()} HTTP/1.1\r\nHost: ${t.authority()}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`]), QUIET),
];
