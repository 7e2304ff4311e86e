import { percent } from '@convoy/protocol/metric';
import { textTable } from '../text-table.ts';
import { classAccuracies, type Confusion } from '@convoy/convoy/confusion';

/** As many letters of a class's name as stand over its column: ten classes fit into 80 characters. */
const HEAD_LETTERS = 4;

/** A confusion matrix for a terminal: what the samples of each class were taken for, and how many were recognised. */
export function confusionTable(counts: Confusion, classNames: readonly string[]): string {
  const accuracies = classAccuracies(counts);
  const head = ['', ...classNames.map((name) => name.slice(0, HEAD_LETTERS)), 'accuracy'];
  const rows = counts.map((row, label) => {
    const accuracy = accuracies[label]!;
    return [classNames[label]!, ...row.map(String), accuracy === null ? '' : percent(accuracy)];
  });
  return textTable(head, rows, new Set([0]));
}
