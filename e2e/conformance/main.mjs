// Runs the conformance matrix; see README.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { requireJars } from '../lib/pair.mjs';
import { Direct, NginxColumn, Tunnel } from './lib/columns.mjs';
import { deliberate } from './lib/deliberate.mjs';
import { Matrix } from './lib/matrix.mjs';
import { Report } from './lib/report.mjs';
import { Upstreams } from './lib/upstreams.mjs';

const THEMES = ['http', 'targets', 'fields', 'bodies', 'ends', 'connections', 'undici', 'ws', 'socketio', 'tls', 'h2', 'h2-websocket', 'grpc', 'tcp', 'kubernetes'];
const COLUMNS = ['direct', 'nginx', 'tunnelmux', 'tunnelmux-aware'];

const USAGE = `Usage: e2e/conformance/run [--list] [--columns NAME,…] [--transcripts] [FILTER…]
  FILTER          a part of a row's name, as --list shows them
  --columns       of ${COLUMNS.join(', ')}; direct is always among them
  --transcripts   prints what was seen in each cell`;

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { list: { type: 'boolean' }, columns: { type: 'string' }, transcripts: { type: 'boolean' }, help: { type: 'boolean' } },
    });
  } catch (error) {
    console.error(`conformance: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

const { values: options, positionals: filters } = readOptions();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const columnNames = options.columns ? options.columns.split(',') : COLUMNS;
const unknown = columnNames.find((name) => !COLUMNS.includes(name));
if (unknown) {
  console.error(`conformance: no column is called ${unknown}\n${USAGE}`);
  process.exit(2);
}

const themes = [];
for (const theme of THEMES) {
  const { rows, setUp } = await import(`./rows/${theme}.mjs`);
  const wanted = rows.filter((each) => filters.length === 0 || filters.some((filter) => `${theme}/${each.name}`.includes(filter)));
  if (wanted.length > 0) themes.push({ theme, rows: wanted, setUp });
}
if (options.list) {
  for (const { theme, rows } of themes) for (const each of rows) console.log(`${theme}/${each.name}`);
  process.exit(0);
}
if (themes.length === 0) {
  console.error(`conformance: no row's name contains ${filters.join(' or ')}; --list shows them`);
  process.exit(2);
}

const directory = fileURLToPath(new URL('../target/conformance', import.meta.url));
const logs = join(directory, 'logs');
rmSync(directory, { recursive: true, force: true });
mkdirSync(logs, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

try {
  requireJars();
} catch (error) {
  console.error(`conformance: ${error.message}`);
  process.exit(2);
}

/** A certificate for all who speak TLS here: {cert, key}, two files. */
function selfSigned() {
  const files = { cert: join(directory, 'front.crt'), key: join(directory, 'front.key') };
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', [...request, ...names, '-keyout', files.key, '-out', files.cert], { stdio: 'pipe' });
  return files;
}

// A row that fails in one place may leave promises behind in others; its own failure is what counts.
process.on('unhandledRejection', (error) => console.error(`conformance: left over: ${error?.message}`));

const startedAt = performance.now();
const files = { directory, logs, ...selfSigned() };
const upstreams = await Upstreams.start(files);
const columns = [
  new Direct(upstreams, files),
  new NginxColumn(upstreams, files),
  new Tunnel(upstreams, files),
  new Tunnel(upstreams, files, { name: 'tunnelmux-aware', mode: 'aware' }),
].filter(({ name }) => name === 'direct' || columnNames.includes(name));
let isWell = false;
const stops = [];
try {
  await Promise.all(columns.map((column) => column.start()));
  const matrix = new Matrix(columns, upstreams, files, deliberate);
  const report = new Report(columns, directory, console.log);
  report.begin();
  for (const { theme, rows, setUp } of themes) {
    if (setUp) stops.push(await setUp(upstreams, files));
    for (const each of rows) {
      const result = await matrix.run(theme, each);
      report.row(result);
      if (options.transcripts) for (const [name, { lanes }] of Object.entries(result.cells)) print(name, lanes);
      const died = columns.flatMap((column) => column.dead ?? []);
      if (died.length > 0) throw new Error(`${died.map(({ name }) => name).join(' and ')} ended during ${result.id}: ${died[0].tail(10)}`);
    }
  }
  isWell = report.end(matrix.rows, Math.round((performance.now() - startedAt) / 1000));
} catch (error) {
  console.error(`conformance: ${error.stack}`);
} finally {
  for (const stop of stops) await stop();
  await Promise.all(columns.map((column) => column.stop()));
  upstreams.stop();
}
process.exit(isWell ? 0 : 1);

function print(name, lanes) {
  for (const [lane, events] of Object.entries(lanes ?? {})) for (const event of events) console.log(`      ${name} | ${lane} | ${event}`);
}
