/** `>=1` for a person, and valibot's names for what JSON calls otherwise. */
export function readableType(expected: string): string {
  const [, comparison, bound] = /^(>=|<=|>|<)(.+)$/.exec(expected) ?? [];
  if (comparison === undefined) {
    const word = JAVASCRIPT_WORDS[expected] ?? expected;
    return word.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ');
  }
  const words = { '>=': 'at least', '<=': 'at most', '>': 'more than', '<': 'less than' };
  return `${words[comparison as keyof typeof words]} ${bound}`;
}

/** The one of the names that two slips of the pen or fewer lead to. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const slips = (other: string) => (other.toLowerCase() === name.toLowerCase() ? 0 : distance(name, other));
  return names
    .filter((other) => slips(other) <= Math.min(2, Math.floor(name.length / 3)))
    .sort((a, b) => slips(a) - slips(b))[0];
}

const JAVASCRIPT_WORDS: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  Array: 'a list',
  Object: 'an object',
};

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
