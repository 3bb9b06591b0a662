// Methods, statuses, and the conversations that HTTP has beside question and answer. curl asks.
import { writeFileSync } from 'node:fs';
import { seededBytes } from '../../lib/data.mjs';
import { row } from '../lib/matrix.mjs';

/** Takes the request's body and answers. */
const reply = (text) => async (exchange) => {
  await exchange.body();
  exchange.answer(text);
};

const methods = (names, args = []) => async (t) => {
  t.serve(reply());
  for (const method of names) await t.curl(['-X', method, ...args, t.url(`/${method}`)]);
};

async function head(t) {
  t.serve((exchange) => exchange.answer('x'.repeat(12_345)));
  const quiet = ['--head', '-o', '/dev/null'];
  await t.curl([...quiet, t.url('/length')]);
  t.serve(({ response }) => response.writeHead(200, { 'Content-Type': 'text/plain' }).end());
  await t.curl([...quiet, t.url('/chunked')]);
  await t.curl([...quiet, '--http1.0', t.url('/old')]);
}

async function bodiless(t) {
  t.serve(({ request, response }) => {
    const status = Number(request.url.split('/').at(-1));
    response.writeHead(status, { ETag: '"v1"', 'X-Seen': 'yes' }).end();
  });
  for (const status of [204, 205, 304]) await t.curl([t.url(`/${status}`)]);
}

/** A 304 may say how long the body would be, and a HEAD too. */
async function notModifiedWithLength(t) {
  t.serve(({ response }) => response.writeHead(304, { ETag: '"v1"', 'Content-Length': '6' }).end());
  const raw = await t.connect();
  for (let i = 0; i < 2; i++) {
    raw.write(`GET ${t.path('/cached')} HTTP/1.1\r\nHost: ${t.authority()}\r\nIf-None-Match: "v1"\r\n\r\n`);
    t.noteRaw(await raw.response());
  }
}

async function oddStatuses(t) {
  t.serve((exchange) => exchange.answer('odd\n', { status: Number(exchange.request.url.split('/').at(-1)) }));
  for (const status of [202, 203, 207, 226, 299, 300, 402, 418, 421, 425, 429, 451, 499, 507, 511, 599, 799, 999]) await t.curl([t.url(`/${status}`)]);
}

async function reason(t) {
  t.serve(({ response }) => response.writeHead(200, 'All is very well', { 'Content-Length': 0 }).end());
  const result = await t.curl([t.url('/reason')]);
  t.note(result.heads[0].startLine);
}

const patient = (t, bytes) => {
  const file = t.file('body');
  writeFileSync(file, seededBytes('expect', bytes));
  return ['-H', 'Expect: 100-continue', '--expect100-timeout', '25', '--data-binary', `@${file}`];
};

async function expectContinue(t) {
  t.serve(async (exchange) => {
    exchange.note(`is asked for leave: ${exchange.expectation ?? 'no'}`);
    if (exchange.expectation) exchange.response.writeContinue();
    await exchange.body();
    exchange.answer();
  });
  await t.curl([...patient(t, 200_000), t.url('/expect')]);
}

const expectRefused = (status, text) => async (t) => {
  t.serve((exchange) => {
    exchange.mayEndOpen = true;
    exchange.note(`is asked for leave: ${exchange.expectation ?? 'no'}`);
    exchange.answer(text, { status, headers: { Connection: 'close' } });
  });
  await t.curl([...patient(t, 3_000_000), t.url('/refused')]);
};

/** An upstream that knows nothing of expectations waits for the body, and the client for leave. */
async function expectIgnored(t) {
  t.serveRaw(async ({ peer, note }) => {
    const body = await peer.bytes(9);
    note(`body ${body}`);
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n');
  });
  const file = t.file('body');
  writeFileSync(file, 'some body');
  await t.curl(['-H', 'Expect: 100-continue', '--expect100-timeout', '1', '--data-binary', `@${file}`, t.url('/ignored', { service: 'raw' })]);
}

async function earlyHints(t) {
  t.serve(({ response }) => {
    response.writeEarlyHints({ link: ['</style.css>; rel=preload; as=style', '</app.js>; rel=preload; as=script'], 'x-trace': '1' }, () => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 7 }).end('hinted\n');
    });
  });
  await t.curl([t.url('/hints')]);
}

async function processing(t) {
  t.serve(({ response }) => {
    for (let i = 0; i < 3; i++) response.writeProcessing();
    response.writeHead(200, { 'Content-Length': 5 }).end('done\n');
  });
  await t.curl([t.url('/processing')]);
}

/** It must be there before the answer is. */
async function hintsAtOnce(t) {
  let isSeen;
  const seen = new Promise((resolve) => (isSeen = resolve));
  t.serve(async (exchange) => {
    exchange.response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    await seen;
    exchange.answer();
  });
  const raw = await t.connect();
  raw.write(`GET ${t.path('/hints')} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
  t.noteRaw(await raw.response());
  isSeen();
  t.noteRaw(await raw.response());
}

const CONTENT = seededBytes('ranges', 50_000);

function serveRanges(t) {
  t.serve(({ request, response }) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const last = to ? Number(to) : CONTENT.length - 1;
    if (from === undefined) {
      response.writeHead(200, { 'Accept-Ranges': 'bytes', ETag: '"r1"', 'Content-Length': CONTENT.length }).end(CONTENT);
    } else if (Number(from) >= CONTENT.length) {
      response.writeHead(416, { 'Content-Range': `bytes */${CONTENT.length}`, 'Content-Length': 0 }).end();
    } else {
      const part = CONTENT.subarray(Number(from), last + 1);
      response.writeHead(206, { 'Content-Range': `bytes ${from}-${last}/${CONTENT.length}`, ETag: '"r1"', 'Content-Length': part.length }).end(part);
    }
  });
}

async function ranges(t) {
  serveRanges(t);
  await t.curl(['-r', '100-1099', t.url('/part')]);
  await t.curl(['-r', '49000-', t.url('/end')]);
  await t.curl(['-r', '60000-', t.url('/beyond')]);
  await t.curl(['-H', 'If-Range: "r1"', '-r', '0-0', t.url('/if-range')]);
}

async function resumedDownload(t) {
  serveRanges(t);
  const file = t.file('partial');
  writeFileSync(file, CONTENT.subarray(0, 20_000));
  await t.curl(['-C', '-', '-o', file, t.url('/resumed')]);
}

async function multipartRanges(t) {
  t.serve(({ response }) => {
    const part = (from, text) => `--sep\r\nContent-Range: bytes ${from}-${from + text.length - 1}/100\r\n\r\n${text}\r\n`;
    const body = `${part(0, 'abc')}${part(90, 'xyz')}--sep--\r\n`;
    response.writeHead(206, { 'Content-Type': 'multipart/byteranges; boundary=sep', 'Content-Length': body.length }).end(body);
  });
  await t.curl(['-r', '0-2,90-92', t.url('/parts')]);
}

async function redirectsUntouched(t) {
  const places = ['/elsewhere?a=b#part', 'relative/../x', 'https://other.example:8443/x%2Fy', '//other.example/z', '?only=query'];
  t.serve((exchange) => {
    const [status, place] = exchange.request.url.split('/').at(-1).split('-');
    exchange.answer('moved\n', { status: Number(status), headers: { Location: places[Number(place)] } });
  });
  for (const status of [301, 302, 303, 307, 308]) for (const place of places.keys()) await t.curl([t.url(`/${status}-${place}`)]);
}

async function redirectsFollowed(t) {
  t.serve(async (exchange) => {
    await exchange.body();
    const { pathname } = new URL(exchange.request.url, 'http://upstream');
    if (pathname.endsWith('/final')) exchange.answer('here\n');
    else exchange.answer('', { status: pathname.endsWith('/see-other') ? 303 : 307, headers: { Location: t.path('/final') } });
  });
  await t.curl(['-L', '--data', 'a=b', t.url('/kept')]);
  await t.curl(['-L', '--data', 'a=b', t.url('/see-other')]);
}

async function optionsOfAll(t) {
  t.serve((exchange) => exchange.answer('', { headers: { Allow: 'GET, HEAD, OPTIONS' } }));
  await t.curl(['-X', 'OPTIONS', '--request-target', '*', '-H', `X-Cell: ${t.tag}`, t.url()]);
}

async function preflight(t) {
  t.serve(({ response }) => {
    response.writeHead(204, {
      'Access-Control-Allow-Origin': 'https://page.example',
      'Access-Control-Allow-Methods': 'PUT, DELETE',
      'Access-Control-Allow-Headers': 'x-one, x-two',
      'Access-Control-Max-Age': '600',
      Vary: 'Origin, Access-Control-Request-Method',
    }).end();
  });
  const asked = ['Origin: https://page.example', 'Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: x-one,x-two'];
  await t.curl(['-X', 'OPTIONS', ...asked.flatMap((line) => ['-H', line]), t.url('/preflight')]);
}

async function basicAuthentication(t) {
  t.serve((exchange) => {
    if (exchange.request.headers.authorization) exchange.answer('in\n');
    else exchange.answer('who?\n', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="a, b", charset="UTF-8"' } });
  });
  await t.curl([t.url('/closed')]);
  await t.curl(['-u', 'user:päss', t.url('/closed')]);
  await t.curl(['-H', 'Authorization: Bearer abc.def-ghi_~+/=', t.url('/closed')]);
}

/** curl asks, is told a nonce, and asks again. */
async function digestAuthentication(t) {
  t.transcript.name(/cnonce="[^"]*"/g, 'CNONCE');
  t.transcript.name(/response="[^"]*"/g, 'RESPONSE');
  t.serve(async (exchange) => {
    await exchange.body();
    const authorization = exchange.request.headers.authorization ?? '';
    const challenge = 'Digest realm="r", nonce="abcdef", qop="auth", algorithm=SHA-256';
    if (/uri="[^"]*\/digest\?a=%2F"/.test(authorization)) exchange.answer('in\n');
    else exchange.answer('', { status: 401, headers: { 'WWW-Authenticate': challenge } });
  });
  const result = await t.curl(['--digest', '-u', 'user:word', '--data', 'a=b', t.url('/digest?a=%2F')]);
  t.note(`${result.heads.length} responses`);
}

async function conditional(t) {
  t.serve((exchange) => {
    const { headers } = exchange.request;
    if (headers['if-none-match'] === 'W/"a,b", "c"') exchange.response.writeHead(304, { ETag: '"c"' }).end();
    else if (headers['if-match']) exchange.answer('', { status: 412 });
    else exchange.answer('fresh\n', { headers: { ETag: 'W/"a,b"', 'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT' } });
  });
  await t.curl([t.url('/1')]);
  await t.curl(['-H', 'If-None-Match: W/"a,b", "c"', t.url('/2')]);
  await t.curl(['-H', 'If-Match: *', '-X', 'PUT', t.url('/3')]);
  await t.curl(['-z', 'Wed, 21 Oct 2015 07:28:00 GMT', t.url('/4')]);
}

/** curl offers HTTP/2 in an Upgrade field; a server that does not want it answers as if it had not. */
async function offeredHttp2(t) {
  t.serveRaw(async ({ peer, head, note }) => {
    const length = Number(head.headers.find(([name]) => name === 'content-length')?.[1] ?? 0);
    note(`body ${await peer.bytes(length)}`);
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n');
  });
  for (const args of [[], ['--data', 'with a body']]) {
    const result = await t.curl(['--http2', ...args, t.url('/offer', { service: 'raw' })]);
    t.remark(`answered in HTTP/${result.info.http_version}`);
  }
}

export const rows = [
  row('get', methods(['GET'])),
  row('methods-without-body', methods(['GET', 'DELETE', 'OPTIONS'])),
  row('methods-with-body', methods(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS'], ['--data-binary', 'a body\n'])),
  row('methods-of-webdav', methods(['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'SEARCH'], ['--data', '<x/>'])),
  row('methods-that-are-rare', methods(['PURGE', 'M-SEARCH', 'LINK', 'UNLINK', 'ACL', 'BIND', 'NOTIFY', 'SUBSCRIBE', 'MERGE', 'CHECKOUT'])),
  row('method-trace', methods(['TRACE'])),
  row('post-without-bytes', methods(['POST', 'PUT', 'PATCH'], ['--data', ''])),
  row('head', head),
  row('no-body-204-205-304', bodiless),
  row('304-with-a-length', notModifiedWithLength),
  row('odd-statuses', oddStatuses),
  row('reason-phrase', reason),
  row('expect-accepted', expectContinue),
  row('expect-refused-417', expectRefused(417, '')),
  row('expect-refused-413', expectRefused(413, 'too large\n')),
  row('expect-refused-401', expectRefused(401, 'who are you\n')),
  row('expect-ignored-by-upstream', expectIgnored),
  row('early-hints-103', earlyHints),
  row('early-hints-come-early', hintsAtOnce),
  row('processing-102', processing),
  row('ranges', ranges),
  row('ranges-resumed-download', resumedDownload),
  row('ranges-multipart', multipartRanges),
  row('redirects-untouched', redirectsUntouched),
  row('redirects-followed', redirectsFollowed),
  row('options-of-everything', optionsOfAll),
  row('cors-preflight', preflight),
  row('authentication-basic-and-bearer', basicAuthentication),
  row('authentication-digest', digestAuthentication),
  row('conditional-requests', conditional),
  row('http2-offered-by-upgrade', offeredHttp2),
];
