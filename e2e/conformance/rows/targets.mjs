// Request targets, byte for byte.
import { row } from '../lib/matrix.mjs';

/** Asks for each target with curl, which is told to leave it alone. */
const targets = (...rests) => async (t) => {
  t.serve((exchange) => exchange.answer());
  for (const rest of rests) await t.curl(['--path-as-is', '-g', t.url(rest)]);
};

/** Asks by bytes, for curl would write some of these otherwise. */
const bytes = (...rests) => async (t) => {
  t.serve((exchange) => exchange.answer());
  for (const rest of rests) {
    const raw = await t.connect();
    raw.write(`GET ${t.path()}`, Buffer.from(rest, 'latin1'), ` HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
    t.noteRaw(await raw.response());
    raw.destroy();
  }
};

async function absoluteForm(t) {
  t.serve(async (exchange) => exchange.answer());
  const raw = await t.connect();
  raw.write(`GET http://${t.authority()}${t.path('/absolute?x=1')} HTTP/1.1\r\nHost: ${t.authority()}\r\n\r\n`);
  t.noteRaw(await raw.response());
}

async function fragment(t) {
  t.serve((exchange) => exchange.answer());
  await t.curl([t.url('/page?x=1#fragment')]);
}

async function hostNames(t) {
  t.serve((exchange) => exchange.answer());
  for (const host of ['Example.COM', 'app.example:8443', '[::1]:8080', '10.0.0.1', 'xn--bcher-kva.example', 'with_underscore.example', 'a'.repeat(63) + '.example']) {
    await t.curl(['-H', `Host: ${host}`, t.url('/host')]);
  }
}

export const rows = [
  row('dots', targets('/./a/../b', '/..', '/a/.', '/a/..', '/...', '/.hidden', '/a/..;/b')),
  row('percent-encoded', targets('/%2F', '/%2f', '/a%2Fb%5Cc', '/%2e%2e/%2E', '/%00', '/%0d%0aX-Injected:%201', '/%E4%BD%A0', '/%zz', '/100%', '/%25%32%46')),
  row('slashes', targets('//', '//double///slash//', '/a//', '/a/', '/a')),
  row('semicolons-and-commas', targets('/a;b=c/d;e', '/a,b', '/;', ';jsessionid=1')),
  row('sub-delimiters', targets("/!$&'()*+,;=:@-._~", '/a:b', '/@', '/~user')),
  row('query-empty', targets('?', '/a?', '/a?&', '/a?=', '/a??', '/a?b?c')),
  row('query-characters', targets('?a=1&a=2&&b', '?x=/../%2F//;,:@!$', '?q=a+b%20c', '?x=%00%0d%0aX:1', '?a=%26%3D%23')),
  row('query-with-brackets', targets('?a[]=1&a[]=2', '?filter[name]=x', '?x={y}', '?x=a|b', '?x=^`"', '?x=\\y', '?x=<y>')),
  row('path-with-brackets', targets('/[id]', '/{id}', '/a|b', '/a^b', '/a\\b', '/a"b', '/<a>')),
  row('raw-utf8', targets('/ä/日本', '?q=ä', '/emoji-😀')),
  row('raw-latin1', bytes('/\xe4\xf6', '?q=\xff', '/\x80')),
  row('fragment-not-sent', fragment),
  row('fragment-sent-all-the-same', bytes('/page#fragment', '/page?x#y')),
  row('absolute-form', absoluteForm),
  row('near-8-kib', targets(`/${'long/'.repeat(1_580)}`, `?${'q'.repeat(7_900)}`)),
  row('host-names', hostNames),
];
