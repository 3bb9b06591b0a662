// What a row is, and how a row is run: once in each column, each cell with a deadline, each cleaned up after and held against the first.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { curl } from '../../lib/curl.mjs';
import { sha256 } from '../../lib/data.mjs';
import { RawClient } from '../../lib/raw.mjs';
import { within } from '../../lib/wait.mjs';
import { OURS, ofOneHop } from './deliberate.mjs';
import { responseLines } from './fields.mjs';
import { Transcript, differences } from './transcript.mjs';

const DEFAULT_TIMEOUT_MS = 30_000;
/** For the upstream to see the end of what the client has ended. */
const SETTLE_MS = 10_000;

/**
 * One line of the table: a behaviour, driven by a real client.
 *
 * @param run drives client and upstream with what is in its cell, and notes what it sees
 * @param options.needs what a path must be able to do, in the words of Column; others are n/a
 * @param options.webSocket whether it says something of the gateway's way with WebSockets
 * @param options.http2 whether its client speaks HTTP/2
 * @param options.quiet whether the upstream's exchanges are not noted one by one, for there are many
 * @param options.timeoutMs the deadline of a cell
 */
export function row(name, run, options = {}) {
  return { name, run, needs: [], webSocket: false, http2: false, quiet: false, timeoutMs: DEFAULT_TIMEOUT_MS, ...options };
}

let cells = 0;

/** What a running row has in its hands, in one column. */
export class Cell {
  #cleanups = [];

  constructor(id, { quiet, http2 }, column, upstreams, files) {
    this.id = id;
    this.column = column;
    this.upstreams = upstreams;
    /** Where logs and other files go, and the certificate: {directory, logs, cert, key}. */
    this.files = files;
    /** Whether the client speaks HTTP/2, which announces bodies in another way. */
    this.isHttp2 = http2;
    /** In every path, so that the upstream knows what it is asked for. */
    this.tag = `c${String(++cells).padStart(5, '0')}`;
    this.isQuiet = quiet;
    /** How many requests have reached the upstream. */
    this.exchanges = 0;
    /** Those that are being answered. */
    this.open = new Set();
    this.remarks = [];
    this.transcript = new Transcript();
    this.transcript.name(this.tag, 'TAG');
  }

  // What the upstream does.

  /** Has `handler(exchange)` answer the requests of this cell. */
  serve(handler) {
    this.handler = handler;
  }

  /** Has `handler({request, socket, early, note})` answer the upgrades of this cell. */
  serveUpgrade(handler) {
    this.upgradeHandler = handler;
  }

  /** Has `handler({stream, headers, note})` answer this cell's CONNECTs of HTTP/2. */
  serveConnect(handler) {
    this.connectHandler = handler;
  }

  /** Has `handler({peer, socket, head, note})` write the bytes that answer a request to the service `raw`. */
  serveRaw(handler) {
    this.rawHandler = handler;
  }

  /** Has `handler({socket, note})` talk with who comes to the service `tcp`. */
  serveTcp(handler) {
    this.tcpHandler = handler;
  }

  /** Has a handler act, and notes if it fails. */
  async run(lane, act) {
    try {
      await act();
    } catch (error) {
      this.transcript.note(lane, `the server fails: ${error.code ?? error.message}`);
    }
  }

  // Where the client goes.

  path(rest = '', service = 'web') {
    return service === 'web' ? `/${this.tag}${rest}` : `/${service}/${this.tag}${rest}`;
  }

  /** @param front `plain`, `tls` or `h2c` */
  address(service = 'web', front = 'plain') {
    const port = this.column.port(service, front);
    this.transcript.name(`127.0.0.1:${port}`, 'AUTHORITY');
    return { host: '127.0.0.1', port };
  }

  authority(service, front) {
    const { host, port } = this.address(service, front);
    return `${host}:${port}`;
  }

  url(rest = '', { service = 'web', front = 'plain', scheme = front === 'tls' ? 'https' : 'http' } = {}) {
    return `${scheme}://${this.authority(service, front)}${this.path(rest, service)}`;
  }

  // What is seen.

  /** Notes what the client sees; it is compared. */
  note(text) {
    this.transcript.note('client', text);
  }

  /** Notes what is of interest and not compared. */
  remark(text) {
    this.remarks.push(text);
  }

  /** Notes a response: status, the fields that matter, and its body. */
  noteResponse({ status, headers, body, bytes = body?.length, hash = body && sha256(body), trailers = [] }) {
    this.note(`status ${status}`);
    for (const line of responseLines(headers, bytes)) this.note(line);
    if (bytes !== undefined) this.note(`body of ${bytes} bytes, sha256 ${hash.slice(0, 16)}`);
    for (const [name, value] of trailers) this.note(`trailer ${name.toLowerCase()}: ${value}`);
  }

  /** Runs curl and notes all that came of it. */
  async curl(args, options) {
    const result = await curl(this, args, options);
    this.noteCurl(result);
    return result;
  }

  noteCurl(result) {
    for (const head of result.heads.slice(0, -1)) {
      this.note(`status ${head.startLine.split(' ')[1]}, not the last`);
      for (const line of responseLines(head.headers)) this.note(line);
    }
    if (result.info.http_code) {
      this.noteResponse({ status: result.info.http_code, headers: result.headers, bytes: result.bytes, hash: result.sha256 });
    }
    this.note(outcomeOfCurl(result.code));
    if (result.code !== 0) this.remark(result.stderr);
  }

  /** A connection that writes just the bytes it is told to. */
  connect(service = 'web', front = 'plain') {
    return RawClient.connect(this, this.address(service, front));
  }

  noteRaw(response) {
    this.noteResponse({ ...response, status: response.startLine.split(' ')[1] });
  }

  // Life.

  /** Has `action` called when the cell is over, however it ends; last come, first called. */
  cleanup(action) {
    this.#cleanups.push(action);
  }

  file(name) {
    const directory = join(this.files.directory, 'files', this.id.replaceAll('/', '-'));
    mkdirSync(directory, { recursive: true });
    return join(directory, `${this.column.name}-${name}`);
  }

  /** Waits until no exchange of this cell is open at the upstream. */
  async settled() {
    await within(SETTLE_MS, 'the upstream to see the end', Promise.all([...this.open].map(({ closed }) => closed)));
  }

  async finish() {
    for (const action of this.#cleanups.reverse()) await action();
  }
}

/** What curl's exit code says of a transfer; which of the codes for a broken one it is depends on chance. */
function outcomeOfCurl(code) {
  const kinds = { 0: 'complete', 7: 'no connection', 28: 'given up', 52: 'no answer' };
  return kinds[code] ?? ([18, 55, 56, 92].includes(code) ? 'broken off' : `curl ${code}`);
}

/** Runs rows and keeps what came of them. */
export class Matrix {
  constructor(columns, upstreams, files, deliberate) {
    this.columns = columns;
    this.upstreams = upstreams;
    this.files = files;
    this.deliberate = deliberate;
    this.rows = [];
  }

  /** @returns {id, cells: {column: {verdict, reason, differences, remarks, ms, lanes}}} */
  async run(theme, each) {
    const id = `${theme}/${each.name}`;
    const result = { id, cells: {} };
    let reference;
    for (const column of this.columns) {
      const reason = await this.#absence(column, each);
      const cell = reason ? { verdict: 'n/a', reason } : await this.#runCell(id, each, column);
      result.cells[column.name] = cell;
      if (cell.verdict === 'n/a') continue;
      if (column.name === 'direct') {
        reference = cell;
        cell.verdict = cell.failure ? 'broken' : 'ok';
        cell.differences = [];
        if (cell.failure) cell.reason = cell.failure;
      } else {
        this.#judge(id, column, cell, reference);
      }
    }
    this.rows.push(result);
    return result;
  }

  async #absence(column, { needs, webSocket }) {
    if (column.absence) return column.absence;
    if (column.mode && !webSocket) return 'no WebSocket';
    for (const need of needs) {
      const reason = await column.lacks(need);
      if (reason) return reason;
    }
    return null;
  }

  async #runCell(id, each, column) {
    const cell = new Cell(id, each, column, this.upstreams, this.files);
    const startedAt = performance.now();
    let failure;
    this.upstreams.add(cell);
    try {
      await within(each.timeoutMs, 'the row to end', each.run(cell));
      if (!each.quiet) await cell.settled();
    } catch (error) {
      failure = error.code === 'ERR_ASSERTION' ? `not so: ${error.message.split('\n')[0]}` : `${error.message}`.split('\n')[0];
      cell.note(failure);
    }
    try {
      await cell.finish();
    } catch (error) {
      failure ??= error.message;
    }
    this.upstreams.remove(cell);
    return { failure, lanes: cell.transcript.lanes, remarks: cell.remarks, ms: Math.round(performance.now() - startedAt) };
  }

  #judge(id, column, cell, reference) {
    if (!reference || reference.failure) {
      cell.verdict = 'n/a';
      cell.reason = 'nothing to compare with';
      cell.differences = [];
      return;
    }
    const compared = (lanes) => (ofOneHop.columns.includes(column.name) ? without(lanes, ofOneHop.line) : lanes);
    cell.differences = differences(compared(reference.lanes), compared(cell.lanes));
    const known = this.deliberate.filter(({ row, columns = OURS }) => row === id && columns.includes(column.name));
    const left = cell.differences
      .map(({ lane, ...changes }) => {
        const isMeant = (change) => (text) => known.some(({ lines }) => lines.some((line) => line.lane.test(lane) && line[change]?.test(text)));
        const unexplained = (change) => changes[change].filter((text) => !isMeant(change)(text));
        return { lane, lost: unexplained('lost'), gained: unexplained('gained') };
      })
      .filter(({ lost, gained }) => lost.length > 0 || gained.length > 0);
    if (left.length > 0) {
      cell.verdict = 'worse';
      cell.unexplained = left;
    } else if (cell.differences.length > 0) {
      cell.verdict = 'meant';
      cell.reason = known.map(({ reason }) => reason).join('; ');
    } else {
      cell.verdict = 'ok';
      if (known.length > 0) cell.remarks.push('lib/deliberate.mjs explains a difference that there is not');
    }
  }
}

const without = (lanes, line) => Object.fromEntries(Object.entries(lanes).map(([lane, events]) => [lane, events.filter((text) => !line.test(text))]));
