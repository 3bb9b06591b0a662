// What is not as without a proxy, and is to be so. Each entry explains some lines of one row in our columns, and nothing more.

/** The columns that are ours, and the one of them in which messages are read on the way. */
export const OURS = ['tunnelmux', 'tunnelmux-aware'];
const AWARE = ['tunnelmux-aware'];

const ANY = /./;

/** What each hop agrees on for itself where there are two of them, so that it says nothing of the whole way: {columns, line}. */
export const ofOneHop = { columns: AWARE, line: /^field sec-websocket-extensions: / };

/** {row, columns (ours), reason, lines: [{lane, lost, gained}]}: patterns of what may be missing from a lane, and of what may be in it instead. */
export const deliberate = [
  {
    row: 'http/method-trace',
    reason: 'the gateway refuses TRACE: it shows scripts what they may not see, and nobody misses it',
    lines: [
      { lane: /^client$/, lost: ANY, gained: /^(status 405|length|field (allow|content-type)|body of)/ },
      { lane: /^upstream 1$/, lost: ANY },
    ],
  },
  {
    row: 'http/reason-phrase',
    reason: 'a tunnel carries the status as a number; the phrase has no meaning (RFC 9112, 4), and HTTP/2 has none',
    lines: [{ lane: /^client$/, lost: /^HTTP\/1\.1 200 /, gained: /^HTTP\/1\.1 200 OK$/ }],
  },
  ...['http/conditional-requests', 'bodies/upload-without-framing'].map((row) => ({
    row,
    reason: 'that there is no body is said in so many words, as RFC 9110, 8.6 wants it of POST, PUT and PATCH',
    lines: [{ lane: /^upstream \d$/, lost: /^no body announced$/, gained: /^body of 0 bytes announced$/ }],
  })),
  {
    row: 'targets/absolute-form',
    reason: 'a target that names the host is brought to the form that servers expect (RFC 9112, 3.2.1)',
    lines: [{ lane: /^upstream 1$/, lost: /^GET http:/, gained: /^GET \/TAG\/absolute\?x=1$/ }],
  },
  {
    row: 'fields/names-repeated-keep-their-order',
    reason: 'fields of one name travel together; only the order among them has a meaning (RFC 9110, 5.3)',
    lines: [{ lane: ANY, lost: /^names X-B X-A X-B X-C X-A$/, gained: /^names X-B X-B X-A X-A X-C$/ }],
  },
  {
    row: 'fields/request-name-underscore',
    reason: 'servers of the CGI kind take an underscore for a dash, so that a client could say what only the gateway may',
    lines: [{ lane: /^upstream 1$/, lost: /^field x_under_score/ }],
  },
  {
    row: 'bodies/upload-goes-on-behind-answer',
    reason: 'a complete answer ends its exchange; what the client still sends is read and thrown away',
    lines: [{ lane: /^upstream 1$/, lost: /^body of/, gained: /^the server fails: (ECONNRESET|aborted)/ }],
  },
  {
    row: 'ends/upstream-closes-within-head',
    reason: 'half a head is no answer',
    lines: [{ lane: /^client$/, lost: /^status 200$/, gained: /^failure$/ }],
  },
  {
    row: 'ends/client-ends-its-half',
    reason: 'a client that ends its half counts as gone: there is no other way to see that nobody waits',
    lines: [
      { lane: /^client$/, lost: ANY, gained: /^the connection ended before a response head/ },
      { lane: /^upstream 1$/, lost: ANY, gained: /^(the server fails: (ECONNRESET|aborted)|answer cut off|request cut off)/ },
    ],
  },
  {
    row: 'connections/http10-without-host',
    reason: 'the upstream is asked in HTTP/1.1, which has to name a host',
    lines: [{ lane: /^upstream 1$/, lost: /^host undefined$/, gained: /^host 127\.0\.0\.1:\d+$/ }],
  },
  {
    row: 'ws/origin-of-another-host',
    reason: 'pages of other hosts may not open WebSockets with their visitors\' cookies unless the route says so (`origin=HOST`)',
    lines: [
      { lane: /^client$/, lost: ANY, gained: /^refused: Unexpected server response: 403$/ },
      { lane: /^upstream 1$/, lost: ANY },
    ],
  },

  // Where the gateway is the client's server and the agent the upstream's client.

  {
    row: 'undici/upgrade',
    columns: AWARE,
    reason: 'what is no WebSocket is none there',
    lines: [{ lane: /^client$/, lost: /^echo any bytes$/, gained: /^echo .*WebSocket: reserved bits/s }],
  },
  {
    row: 'ws/fragment-boundaries',
    columns: AWARE,
    reason: 'a message goes on in fragments of its own, whose boundaries mean nothing (RFC 6455, 5.4)',
    lines: [{ lane: /^upstream 1$/, lost: /^frame opcode=0 not the last $/ }],
  },
  ...['ws/terminated-by-client', 'ws/reset-by-client', 'ws/subprotocol-not-chosen'].map((row) => ({
    row,
    columns: AWARE,
    reason: 'that its client has gone is told to the upstream by a close frame, 1001',
    lines: [{ lane: /^upstream 1$/, lost: /^close 1006 ""$/, gained: /^close 1001 / }],
  })),
  ...['ws/terminated-by-server', 'ws/reset-by-server'].map((row) => ({
    row,
    columns: AWARE,
    reason: 'that its upstream has gone is told to the client by a close frame, 1011',
    lines: [{ lane: /^client$/, lost: /^close 1006 ""$/, gained: /^close 1011 / }],
  })),
  {
    row: 'h2-websocket/cut-by-server',
    columns: AWARE,
    reason: 'that its upstream has gone is told to the client by a close frame, 1011',
    lines: [{ lane: /^client$/, lost: /^close 1006$/, gained: /^close 1011$/ }],
  },
  ...['ws/deflate-small-windows', 'ws/deflate-offered-and-declined', 'ws/undici-client'].map((row) => ({
    row,
    columns: AWARE,
    reason: 'the gateway agrees to compression with the client, and the agent with the upstream: without context takeover, and to no smaller windows',
    lines: [{ lane: /^client$/, lost: /extensions/, gained: /extensions/ }],
  })),
  ...['bad-utf8', 'reserved-bit', 'unknown-opcode', 'unmasked', 'long-ping', 'fragmented-ping', 'continuation-of-nothing', 'close-code'].map((breach) => ({
    row: `ws/breach-${breach}`,
    columns: AWARE,
    reason: 'the gateway itself ends who breaks the protocol, with the code for it, and the upstream hears 1011',
    lines: [{ lane: /^upstream 1$/, lost: /^(error WS_ERR_|close 1006)/, gained: /^close 1011 "a WebSocket broke a rule: / }],
  })),
  ...['masked', 'bad-utf8'].map((breach) => ({
    row: `ws/breach-by-server-${breach}`,
    columns: AWARE,
    reason: 'the agent itself ends who breaks the protocol, with the code for it, and the client hears 1011',
    lines: [{ lane: /^client$/, lost: /^(error WS_ERR_|close 1006)/, gained: /^close 1011 "a WebSocket broke a rule: / }],
  })),
];
