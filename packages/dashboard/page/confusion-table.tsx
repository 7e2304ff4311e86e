import { useState } from 'preact/hooks';
import { countOf } from '@convoy/protocol/event-words';
import { whole } from './text.ts';

interface ConfusionTableProps {
  readonly classes: readonly string[];
  /** Samples by true class (row) and predicted class (column). */
  readonly counts: readonly (readonly number[])[];
}

/** The numbers of a matrix of more classes would not be read. */
const MOST_NUMBERS = 24;

/** A confusion matrix: each row a true class, shaded by the part of it that is taken for each class. */
export function ConfusionTable({ classes, counts }: ConfusionTableProps) {
  const [told, setTold] = useState<string | null>(null);
  const totals = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  const hasNumbers = classes.length <= MOST_NUMBERS;
  const wordsOf = (row: number, column: number) => {
    const count = counts[row]![column]!;
    const share = share100(count, totals[row]!);
    const what = `${whole(count)} of ${whole(totals[row]!)} of “${classes[row]}” (${share} %)`;
    return row === column ? `${what} are recognised` : `${what} are taken for “${classes[column]}”`;
  };
  return (
    <>
      <div class="scroll matrix" tabIndex={0} role="region" aria-label="Confusion matrix">
        <table class={hasNumbers ? '' : 'dense'} onMouseLeave={() => setTold(null)}>
          <caption>Rows: the true class. Columns: what it is taken for.</caption>
          <thead>
            <tr>
              <td />
              {classes.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
              <th scope="col" class="recall">
                <span>recognised</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {counts.map((row, label) => (
              <tr key={classes[label]}>
                <th scope="row">{classes[label]}</th>
                {row.map((count, predicted) => {
                  const share = totals[label] === 0 ? 0 : count / totals[label]!;
                  const words = wordsOf(label, predicted);
                  return (
                    <td
                      key={predicted}
                      class={`${label === predicted ? 'right' : 'wrong'}${share > 0.5 ? ' strong' : ''}`}
                      style={{ '--share': `${Math.round(100 * Math.sqrt(share))}%` }}
                      title={words}
                      onMouseEnter={() => setTold(words)}
                    >
                      {hasNumbers ? count === 0 ? <span class="nothing">0</span> : count : null}
                    </td>
                  );
                })}
                <td class="recall">{totals[label] === 0 ? '–' : `${share100(row[label]!, totals[label]!)} %`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="told">{told ?? mostConfused(classes, counts)}</p>
    </>
  );
}

interface ConfusedPairsProps {
  readonly pairs: readonly { readonly truth: string; readonly predicted: string; readonly samples: number }[];
}

const SHOWN_PAIRS = 20;

/** The pairs of classes that are confused most often, where there are too many for a matrix. */
export function ConfusedPairs({ pairs }: ConfusedPairsProps) {
  if (pairs.length === 0) return <p class="empty">No class is taken for another.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Confused classes">
      <table>
        <caption>The classes that are confused most often.</caption>
        <thead>
          <tr>
            <th>True class</th>
            <th>Taken for</th>
            <th class="number">Samples</th>
          </tr>
        </thead>
        <tbody>
          {pairs.slice(0, SHOWN_PAIRS).map(({ truth, predicted, samples }) => (
            <tr key={`${truth}/${predicted}`}>
              <td>{truth}</td>
              <td>{predicted}</td>
              <td class="number">{whole(samples)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function mostConfused(classes: readonly string[], counts: ConfusionTableProps['counts']): string {
  let [most, words] = [0, 'Every sample is recognised.'];
  for (const [label, row] of counts.entries()) {
    for (const [predicted, count] of row.entries()) {
      if (label === predicted || count <= most) continue;
      most = count;
      words = `Most often confused: “${classes[label]}” is taken for “${classes[predicted]}”, ${countOf(count, 'time')}.`;
    }
  }
  return words;
}

/** A share in per cent, without decimals that nobody reads. */
function share100(count: number, total: number): string {
  return total === 0 ? '0' : ((100 * count) / total).toFixed(count === total || count === 0 ? 0 : 1);
}
