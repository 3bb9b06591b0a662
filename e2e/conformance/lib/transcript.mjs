// What was seen at both ends of one cell, in words, and how two such records differ.

/**
 * Lanes of events, each in order: `client` and one for each exchange at the upstream. Events of one lane are compared in their order; between
 * lanes there is none but what a row makes one end wait for of the other.
 */
export class Transcript {
  #lanes = new Map();
  #names = new Map();

  /** Has what is called otherwise in each cell, such as its port, have one name in the records from now on; `text` may be a pattern. */
  name(text, name) {
    this.#names.set(text, name);
  }

  note(lane, text) {
    let said = text;
    for (const [from, to] of this.#names) said = said.replaceAll(from, to);
    if (!this.#lanes.has(lane)) this.#lanes.set(lane, []);
    this.#lanes.get(lane).push(said);
  }

  get lanes() {
    return Object.fromEntries([...this.#lanes].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
  }
}

/** The events by which two records differ: [{lane, lost: […], gained: […]}], empty if they are alike. */
export function differences(reference, lanes) {
  const names = [...new Set([...Object.keys(reference), ...Object.keys(lanes)])];
  return names
    .map((lane) => ({ lane, ...edits(reference[lane] ?? [], lanes[lane] ?? []) }))
    .filter(({ lost, gained }) => lost.length > 0 || gained.length > 0);
}

/** What to take out of one list and what to put in to get the other, by their longest common subsequence. */
function edits(before, after) {
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const lost = [];
  const gained = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && common[i + 1][j] >= common[i][j + 1])) {
      lost.push(before[i++]);
    } else {
      gained.push(after[j++]);
    }
  }
  return { lost, gained };
}

/** A difference in one line, for a table. */
export function inShort({ lane, lost, gained }, width = 110) {
  const cut = (text) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
  const more = Math.max(lost.length, gained.length) - 1;
  const change = [lost[0] === undefined ? 'nothing' : cut(lost[0]), gained[0] === undefined ? 'nothing' : cut(gained[0])].join(' → ');
  return `${lane}: ${change}${more > 0 ? ` (and ${more} more)` : ''}`;
}
