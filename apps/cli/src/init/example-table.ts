/** Fruit by size, weight and colour: what the columns are on average, and the class. */
const FRUIT = [
  { kind: 'apple', means: [7.5, 7.2, 170, 0.8] },
  { kind: 'lemon', means: [8.2, 6, 120, 0.35] },
  { kind: 'plum', means: [5, 4.5, 60, 0.6] },
] as const;
const COLUMNS = ['length', 'width', 'weight', 'redness', 'kind'];
const ROWS_PER_CLASS = 60;

/** @returns a CSV file of four numbers and a class per row, sorted by class as such files are. */
export function exampleTable(): string {
  const rows = FRUIT.flatMap(({ kind, means }) =>
    Array.from({ length: ROWS_PER_CLASS }, (_, row) => [
      ...means.map((mean, column) => (mean * (0.85 + 0.3 * part(row, column))).toFixed(2)),
      kind,
    ]),
  );
  return [COLUMNS, ...rows].map((row) => `${row.join(',')}\n`).join('');
}

/** From 0 to 1: another for each row and column. */
function part(row: number, column: number): number {
  return ((row * [37, 59, 83, 29][column]! + 17 * column) % 101) / 100;
}
