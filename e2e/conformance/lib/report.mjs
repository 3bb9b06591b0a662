// The table, for people and for programs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inShort } from './transcript.mjs';

const LEGEND = [
  'ok: both ends saw what they see without anything between them.',
  'meant: they saw something else, and it is to be so; why stands below.',
  'worse: they saw something else; what stands below.',
  'n/a: this path has nothing of the kind, or is not there.',
];

/** Prints lines as rows end, and writes the whole when all have. */
export class Report {
  constructor(columns, directory, print) {
    this.columns = columns;
    this.directory = directory;
    this.print = print;
    this.widths = columns.map(({ name }) => Math.max(name.length, 6) + 2);
  }

  begin() {
    this.print(this.#line('', this.columns.map(({ name }) => name)));
    for (const { name, absence } of this.columns) if (absence) this.print(`  ${name} is left out: ${absence}`);
  }

  row({ id, cells }) {
    this.print(this.#line(id, this.columns.map(({ name }) => cells[name].verdict)));
    for (const { name } of this.columns) {
      const { verdict, unexplained, failure } = cells[name];
      if (verdict === 'broken') this.print(`      ${name}: ${failure}`);
      if (verdict === 'worse') for (const each of unexplained.slice(0, 4)) this.print(`      ${name}: ${inShort(each)}`);
    }
  }

  #line(id, words) {
    return `${id.padEnd(42)} ${words.map((word, i) => word.padEnd(this.widths[i])).join('')}`.trimEnd();
  }

  /** Writes matrix.md and matrix.json, and prints the sums. @returns whether all is well */
  end(rows, seconds) {
    mkdirSync(this.directory, { recursive: true });
    const sums = this.columns.map(({ name }) => sum(rows.map(({ cells }) => cells[name].verdict)));
    const columns = this.columns.map(({ name, absence, isOurs }, i) => ({ name, absence, isOurs, sums: sums[i] }));
    writeFileSync(join(this.directory, 'matrix.json'), `${JSON.stringify({ columns, seconds, rows }, null, 1)}\n`);
    writeFileSync(join(this.directory, 'matrix.md'), markdown(rows, columns));
    for (const { name, sums: counts } of columns) {
      this.print(`${name.padEnd(18)} ${Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`).join(', ')}`);
    }
    const broken = rows.filter(({ cells }) => cells.direct.verdict === 'broken').length;
    const worse = columns.filter(({ isOurs }) => isOurs).reduce((total, { sums: counts }) => total + (counts.worse ?? 0), 0);
    this.print(`${rows.length} rows in ${seconds} s; ${worse} cells of ours are worse than direct${broken ? `; ${broken} rows are broken by themselves` : ''}`);
    this.print(`the whole: ${join(this.directory, 'matrix.md')}`);
    return worse === 0 && broken === 0;
  }
}

function sum(verdicts) {
  const counts = {};
  for (const verdict of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

function markdown(rows, columns) {
  const lines = ['# Conformance', '', ...LEGEND.map((text) => `- ${text}`), ''];
  lines.push(`| row | ${columns.map(({ name }) => name).join(' | ')} |`, `| --- |${columns.map(() => ' --- |').join('')}`);
  for (const { id, cells } of rows) lines.push(`| ${id} | ${columns.map(({ name }) => inBold(cells[name].verdict)).join(' | ')} |`);
  lines.push(`| **${rows.length} rows** | ${columns.map(({ sums }) => Object.entries(sums).map(([verdict, count]) => `${count} ${verdict}`).join(', ')).join(' | ')} |`, '');
  for (const [verdict, title] of [['broken', 'Broken'], ['worse', 'Worse'], ['meant', 'Meant']]) {
    for (const { name } of columns) {
      const found = rows.filter(({ cells }) => cells[name].verdict === verdict);
      if (found.length === 0) continue;
      lines.push(`## ${title}: ${name}`, '');
      for (const { id, cells } of found) lines.push(...explained(id, cells[name]));
      lines.push('');
    }
  }
  const figures = rows.filter(({ cells }) => columns.some(({ name }) => cells[name].remarks?.length > 0));
  if (figures.length > 0) lines.push('## Remarks', '', 'Not compared: figures, and which of several equal errors it was.', '');
  for (const { id, cells } of figures) {
    lines.push(`- ${id}`);
    for (const { name } of columns) for (const remark of cells[name].remarks ?? []) lines.push(`  - ${name}: ${remark}`);
  }
  return `${lines.join('\n')}\n`;
}

const inBold = (verdict) => (verdict === 'worse' || verdict === 'broken' ? `**${verdict}**` : verdict);

function explained(id, cell) {
  const lines = [`- ${id}${cell.reason ? `: ${cell.reason}` : ''}`];
  for (const { lane, lost, gained } of cell.unexplained ?? cell.differences) {
    for (const text of lost) lines.push(`  - ${lane} − \`${text.replaceAll('`', "'")}\``);
    for (const text of gained) lines.push(`  - ${lane} + \`${text.replaceAll('`', "'")}\``);
  }
  return lines;
}
