import * as v from 'valibot';

/** What is wrong with a setting, in one line: where it is, and what it must be. */
export function wrongSetting(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  const last = issue.path?.at(-1);
  if (path === null || last === undefined) return `a configuration is an object of settings, not ${issue.received}`;
  const where = path.slice(0, -String(last.key).length - 1);
  const inside = where === '' ? '' : `${where}: `;
  if (issue.expected === 'never') return `${inside}${unknownSetting(String(last.key), where, last.input as object)}`;
  if (issue.received === 'undefined') return `${path}: is missing`;
  // Some checks expect nothing that has a name: the kind of the check is its name.
  return `${path}: must be ${readable(issue.expected ?? issue.type)}, not ${issue.received}`;
}

function unknownSetting(key: string, where: string, siblings: object): string {
  // A configuration is checked whole, so every setting that there is stands beside the one that is not.
  const near = nearest(
    key,
    Object.keys(siblings).filter((name) => name !== key),
  );
  if (near !== undefined) return `there is no setting "${key}"; did you mean "${near}"?`;
  if ('name' in siblings) return `${String(siblings.name)} has no ${key}: leave it out, or choose another ${where}`;
  return `there is no setting "${key}"`;
}

const JAVASCRIPT_WORDS: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  Array: 'a list',
  Object: 'an object',
};

/** `>=1` for a person, and valibot's names for what JSON calls otherwise. */
function readable(expected: string): string {
  const [, comparison, bound] = /^(>=|<=|>|<)(.+)$/.exec(expected) ?? [];
  if (comparison === undefined) {
    const word = JAVASCRIPT_WORDS[expected] ?? expected;
    return word.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ');
  }
  const words = { '>=': 'at least', '<=': 'at most', '>': 'more than', '<': 'less than' };
  return `${words[comparison as keyof typeof words]} ${bound}`;
}

/** The one of the names that two slips of the pen or fewer lead to. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const slips = (other: string) => (other.toLowerCase() === name.toLowerCase() ? 0 : distance(name, other));
  return names
    .filter((other) => slips(other) <= Math.min(2, Math.floor(name.length / 3)))
    .sort((a, b) => slips(a) - slips(b))[0];
}

/** Characters to insert, delete or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
