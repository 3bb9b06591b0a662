// Header fields: all of them, in order, byte for byte.
import { row } from '../lib/matrix.mjs';

const lines = (names) => names.flatMap((line) => ['-H', line]);

/** Sends fields with curl, and has the upstream note them as they came. */
const sent = (...names) => async (t) => {
  t.serve((exchange) => exchange.answer());
  await t.curl([...lines(names), t.url('/fields')]);
};

/** Has the upstream answer with fields. */
const answered = (fields) => async (t) => {
  t.serve(({ response }) => response.writeHead(200, [...fields, ['Content-Length', '0']].flat()).end());
  await t.curl([t.url('/fields')]);
};

/** Writes a head by hand, with field lines as they are. */
const sentRaw = (...raw) => async (t) => {
  t.serve((exchange) => exchange.answer());
  for (const line of raw) {
    const client = await t.connect();
    client.write(`GET ${t.path('/raw-field')} HTTP/1.1\r\nHost: ${t.authority()}\r\n`, Buffer.from(line, 'latin1'), '\r\n\r\n');
    t.noteRaw(await client.response());
    client.destroy();
  }
};

/** Has the upstream answer with field lines as they are. */
const answeredRaw = (...raw) => async (t) => {
  t.serveRaw(({ peer }) => {
    peer.write('HTTP/1.1 200 OK\r\n', ...raw.map((line) => Buffer.from(`${line}\r\n`, 'latin1')), 'Content-Length: 3\r\n\r\nok\n');
  });
  const client = await t.connect('raw');
  client.write(`GET ${t.path('/x', 'raw')} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
  t.noteRaw(await client.response());
};

const isOfRow = (name) => /^(x-|etag$)/i.test(name) && !/^x-(forwarded-|real-ip)/i.test(name);

/** Sends and answers with names, and notes them as they come, in order. */
const names = (...sent) => async (t) => {
  t.serveRaw(({ peer, head, note, socket }) => {
    note(`names ${head.lines.map((line) => line.split(':')[0]).filter(isOfRow).join(' ')}`);
    peer.write(`HTTP/1.1 200 OK\r\n${sent.map((name) => `${name}: 1\r\n`).join('')}Connection: close\r\n\r\n`);
    socket.end();
  });
  const client = await t.connect('raw');
  client.write(`GET ${t.path('', 'raw')} HTTP/1.1\r\nHost: ${t.authority()}\r\n${sent.map((name) => `${name}: 1\r\n`).join('')}\r\n`);
  const { lines: answered } = await client.head();
  t.note(`names ${answered.map((line) => line.split(':')[0]).filter(isOfRow).join(' ')}`);
};

async function manyFields(t) {
  t.serve(({ request, response }) => {
    const fields = Object.entries(request.headers).filter(([name]) => name.startsWith('x-many-'));
    response.writeHead(200, [...fields.flat(), 'Content-Length', '0']).end();
  });
  await t.curl([...lines(Array.from({ length: 85 }, (_, i) => `X-Many-${i}: value ${i}`)), t.url('/many')]);
}

async function dateAndServer(t) {
  t.serveRaw(({ peer }) => {
    peer.write('HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT-ish\r\nServer: upstream/1.0 (x)\r\nX-Powered-By: y\r\nContent-Length: 0\r\n\r\n');
  });
  const result = await t.curl([t.url('', { service: 'raw' })]);
  for (const [name, value] of result.headers) if (['date', 'server'].includes(name)) t.note(`${name}: ${value}`);
}

async function nothingAdded(t) {
  t.serveRaw(({ peer }) => peer.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'));
  await t.curl(['-H', 'User-Agent:', '-H', 'Accept:', t.url('', { service: 'raw' })]);
}

async function forwarded(t) {
  t.serve((exchange) => {
    const { headers } = exchange.request;
    const client = headers['x-forwarded-for'];
    exchange.note(`whom the upstream takes for the client: ${client === undefined || client.split(', ').at(-1) === '127.0.0.1' ? '127.0.0.1' : client}`);
    const proto = headers['x-forwarded-proto'] ?? 'http';
    exchange.note(`by ${proto}`);
    exchange.answer();
  });
  await t.curl([t.url('/forwarded')]);
}

/** A trace that a client has begun goes on under its own id. */
async function tracing(t) {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  t.serve((exchange) => {
    const [version, trace, , flags] = (exchange.request.headers.traceparent ?? '').split('-');
    exchange.note(`trace ${version} ${trace}, flags ${flags}`);
    exchange.answer();
  });
  await t.curl(['-H', `traceparent: ${traceparent}`, '-H', 'tracestate: a=1,b=2', t.url('/traced')]);
}

const COOKIES = [
  ['Set-Cookie', 'a=1; Path=/; HttpOnly'],
  ['X-Between', '1'],
  ['Set-Cookie', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=None; Secure; Partitioned'],
  ['Set-Cookie', 'c="with, comma"; Domain=example.com'],
  ['Set-Cookie', 'd='],
];

export const rows = [
  row('request-duplicates', sent('X-Dup: 1', 'X-Other: o', 'X-Dup: 2,3', 'X-Dup;', 'Accept-Encoding: br;q=0.1, gzip', 'X-Dup: 4')),
  row('response-duplicates', answered([['X-Many', 'one'], ['X-Between', 'b'], ['X-Many', 'two, three'], ['X-Many', ''], ['Vary', 'A'], ['Vary', 'B'], ['Link', '<a>'], ['Link', '<b>']])),
  row('names-keep-their-case', names('X-CamelCase', 'x-lower', 'X-UPPER', 'ETag')),
  row('names-keep-their-order', names('X-B', 'X-A', 'X-C')),
  row('names-repeated-keep-their-order', names('X-B', 'X-A', 'X-B', 'X-C', 'X-A')),
  row('cookies-set', answered(COOKIES)),
  row('cookies-sent', sent('Cookie: k=v; l="w, x"; m=; n', 'Cookie: second=line')),
  row('request-bytes-above-127', sentRaw('X-Bytes: a\xe4\xff \x80"b', 'X-Utf8: \xc3\xa4\xe2\x82\xac')),
  row('response-bytes-above-127', answeredRaw('X-Bytes: a\xe4\xff \x80"b', 'X-Utf8: \xc3\xa4\xe2\x82\xac', 'Content-Disposition: attachment; filename="\xc3\xa4.txt"')),
  row('request-blanks', sentRaw('X-Blank:   padded\t ', 'X-Tab: a\tb', 'X-None:', 'X-Tight:value', 'X-Inner: a   b')),
  row('response-blanks', answeredRaw('X-Blank:   padded\t ', 'X-Tab: a\tb', 'X-None:', 'X-Tight:value', 'X-Inner: a   b')),
  row('request-name-characters', sent("X!#$%&'*+-.^`|~9: odd", '1: one', 'X.Y: dot')),
  row('response-name-characters', answeredRaw("X!#$%&'*+-.^`|~9: odd", '1: one', 'X.Y: dot', 'X_Under_Score: kept')),
  row('request-name-underscore', sent('X_Under_Score: 1', 'X-Dash: 2')),
  row('quotes-and-structures', sent('X-List: "a", b;q=1;x="y\\"z", (1 2)', 'X-Bytes: :cHJldGVuZA==:', 'If-Match: "a", W/"b"', 'Sec-CH-UA: "A";v="1", "B";v="2"')),
  row('many-in-request-and-response', manyFields),
  row('long-in-request', sent(`X-Long: ${'v'.repeat(7_500)}`)),
  row('long-in-response', answered([['X-Long', 'v'.repeat(7_500)], ['X-Longer', 'w'.repeat(15_000)]])),
  row('long-altogether-in-request', sent(...Array.from({ length: 14 }, (_, i) => `X-Long-${i}: ${'v'.repeat(2_000)}`))),
  row('date-and-server', dateAndServer),
  row('nothing-added', nothingAdded),
  row('caching', answered([['Cache-Control', 'public, max-age=3600, stale-while-revalidate=60'], ['Age', '17'], ['Expires', 'Thu, 01 Jan 2026 00:00:00 GMT'], ['Vary', '*'], ['ETag', 'W/"x"'], ['Warning', '110 - "stale"'], ['CDN-Cache-Control', 'no-store']])),
  row('security', answered([['Content-Security-Policy', "default-src 'self'; script-src 'nonce-abc'"], ['Strict-Transport-Security', 'max-age=1'], ['Alt-Svc', 'h3=":443"'], ['Permissions-Policy', 'camera=()'], ['Report-To', '{"group":"x"}'], ['NEL', '{}'], ['Refresh', '5; url=/x'], ['Content-Location', '/y']])),
  row('meant-for-proxies', answered([['X-Accel-Buffering', 'no'], ['X-Accel-Expires', '0'], ['X-Sendfile', '/etc/hostname'], ['Surrogate-Control', 'max-age=1'], ['Proxy-Status', 'x; error=y']])),
  row('tracing', tracing),
  row('tracing-beside', sent('baggage: k=v', 'X-Request-ID: abc', 'X-B3-TraceId: 1')),
  row('forwarded-truth', forwarded),
];
