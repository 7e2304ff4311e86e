/**
 * {@link leastSquares} without negative coefficients, for what can't be less than nothing: the most negative one is taken to
 * be 0 and the others are found again.
 */
export function leastCosts(rows: readonly (readonly number[])[], targets: readonly number[]): number[] {
  let kept = (rows[0] ?? []).map((_, column) => column);
  for (;;) {
    const found = leastSquares(
      rows.map((row) => kept.map((column) => row[column]!)),
      targets,
    );
    const least = Math.min(...found);
    if (least >= 0) return (rows[0] ?? []).map((_, column) => found[kept.indexOf(column)] ?? 0);
    kept = kept.filter((_, n) => found[n] !== least);
  }
}

/**
 * Coefficients x that make Σ (rows·x − targets)² / targets² least: relative errors, so that a figure of seconds does not
 * outweigh one of milliseconds. By the normal equations, for a handful of unknowns.
 * @param rows one per target, all of one length.
 * @throws RangeError when the rows don't determine every coefficient.
 */
export function leastSquares(rows: readonly (readonly number[])[], targets: readonly number[]): number[] {
  const unknowns = rows[0]?.length ?? 0;
  const scaled = rows.map((row, n) => row.map((value) => value / targets[n]!));
  const dot = (i: number, j: number) => scaled.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  const matrix = Array.from({ length: unknowns }, (_, i) => [
    ...Array.from({ length: unknowns }, (_, j) => dot(i, j)),
    scaled.reduce((sum, row) => sum + row[i]!, 0),
  ]);
  // Gauss-Jordan with the largest pivot of each column.
  for (let column = 0; column < unknowns; column++) {
    let pivot = column;
    for (let row = column; row < unknowns; row++) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    const scale = matrix[column]![column]!;
    if (Math.abs(scale) < 1e-12) throw new RangeError(`coefficient ${column} is not determined by the measurements`);
    for (let row = 0; row < unknowns; row++) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / scale;
      for (let k = column; k <= unknowns; k++) matrix[row]![k]! -= factor * matrix[column]![k]!;
    }
  }
  return matrix.map((row, i) => row[unknowns]! / row[i]!);
}
