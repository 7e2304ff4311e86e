import { percent } from '@convoy/protocol/metric';
import { textTable } from '../text-table.ts';
import { classAccuracies, type Confusion } from '@convoy/training/evaluation/confusion';

/** As many letters of a class's name as stand over its column, if they tell it from the others: ten classes fit into 80 characters. */
const HEAD_LETTERS = 4;
/** More would make columns that no terminal has room for. */
const MOST_HEAD_LETTERS = 10;

/** A confusion matrix for a terminal: what the samples of each class were taken for, and how many were recognised. */
export function confusionTable(counts: Confusion, classNames: readonly string[]): string {
  const accuracies = classAccuracies(counts);
  const { heads, names } = headsOf(classNames);
  const head = ['', ...heads, 'accuracy'];
  const rows = counts.map((row, label) => {
    const accuracy = accuracies[label]!;
    return [names[label]!, ...row.map(String), accuracy === null ? '' : percent(accuracy)];
  });
  return textTable(head, rows, new Set([0]));
}

/** Heads that differ: the names' first letters, or the labels where it would take too many, which the rows have as well then. */
function headsOf(classNames: readonly string[]) {
  for (let letters = HEAD_LETTERS; letters <= MOST_HEAD_LETTERS; letters++) {
    const heads = classNames.map((name) => name.slice(0, letters));
    if (new Set(heads).size === heads.length) return { heads, names: classNames };
  }
  return {
    heads: classNames.map((_, label) => String(label)),
    names: classNames.map((name, label) => `${label} ${name}`),
  };
}
