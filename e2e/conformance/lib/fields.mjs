// Which header fields two paths must agree about, and how they are written down.

/** They belong to one connection; rows about connections look at them themselves. */
const OF_ONE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'upgrade', 'http2-settings']);

/** What proxies say of themselves and of their clients; rows about that look at it themselves. */
const BY_PROXIES = new Set(['date', 'forwarded', 'server', 'traceparent', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']);

/** [name, value] pairs from Node's flat list; values are Latin-1. */
export function pairs(rawHeaders) {
  const found = [];
  for (let i = 0; i < rawHeaders.length; i += 2) found.push([rawHeaders[i], rawHeaders[i + 1]]);
  return found;
}

/** The value of a field, or undefined. */
export const valueOf = (fields, name) => fields.find(([key]) => key.toLowerCase() === name)?.[1];

/** Those that matter as lines, by name; values of one name in their order, for only that has a meaning (RFC 9110, 5.3). */
function linesOf(fields, leftOut = []) {
  return fields
    .map(([name, value]) => [name.toLowerCase(), value])
    .filter(([name]) => !name.startsWith(':') && !OF_ONE_CONNECTION.has(name) && !BY_PROXIES.has(name) && !leftOut.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `field ${name}: ${value}`);
}

/** The lines to note of a request's fields at the upstream. */
export function requestLines(fields, { isHttp2 = false } = {}) {
  const codings = fields.filter(([key]) => key.toLowerCase() === 'transfer-encoding').map(([, coding]) => coding);
  const length = valueOf(fields, 'content-length');
  const framing = codings.length > 0 ? codings.join(', ') : length === undefined ? 'no body announced' : `body of ${length} bytes announced`;
  return [`host ${valueOf(fields, ':authority') ?? valueOf(fields, 'host')}`, ...(isHttp2 ? [] : [framing]), ...linesOf(fields, ['host', 'content-length'])];
}

/** The lines to note of a response's fields at the client. That there are no bytes may be said by a length or by an empty chunk. */
export function responseLines(fields, bytes) {
  const length = valueOf(fields, 'content-length');
  return [`length ${length ?? (bytes === 0 ? '0' : 'not')} announced`, ...linesOf(fields, ['content-length'])];
}
