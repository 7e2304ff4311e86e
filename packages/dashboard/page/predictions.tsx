import { useMemo, useState } from 'preact/hooks';
import { percent } from '@convoy/protocol/metric';
import type { ShownPrediction } from '@convoy/protocol/run-events';
import type { PredictionList, ShownEvaluation } from '../src/replay/predictions.ts';
import { ConfusedPairs, ConfusionTable } from './confusion-table.tsx';
import './predictions.css';
import { SampleCards } from './sample-cards.tsx';
import { figure, whole } from './text.ts';

const NEWEST = 'newest';

/** What the model takes samples for, at the newest evaluation or at one that somebody chooses. */
export function Predictions({ list }: { readonly list: PredictionList }) {
  const [chosen, setChosen] = useState<string>(NEWEST);
  const { evaluations } = list;
  const shown = evaluations.find((each) => keyOf(each) === chosen) ?? evaluations.at(-1);
  // The page is drawn anew several times a second, and this changes with an evaluation.
  const drawn = useMemo(() => shown && <Evaluation list={list} shown={shown} />, [list, shown]);
  if (shown === undefined) return null;
  return (
    <section class="card predictions" aria-label="Predictions">
      <header>
        <h2>Predictions</h2>
        <label>
          of the{' '}
          <select value={chosen} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
            <option value={NEWEST}>newest: {nameOf(evaluations.at(-1)!)}</option>
            {[...evaluations].reverse().map((each) => (
              <option key={keyOf(each)} value={keyOf(each)}>
                {nameOf(each)}
              </option>
            ))}
          </select>
        </label>
      </header>
      {drawn}
    </section>
  );
}

function Evaluation({ list, shown }: { readonly list: PredictionList; readonly shown: ShownEvaluation }) {
  const { confusion } = shown;
  const isRegression = confusion === null;
  const worstTitle = isRegression ? 'Largest errors' : 'Worst mistakes';
  return (
    <>
      {confusion !== null && 'counts' in confusion && <ConfusionTable {...confusion} />}
      {confusion !== null && 'pairs' in confusion && <ConfusedPairs {...confusion} />}
      {isRegression && <Regression samples={shown.shown} />}
      {(!isRegression || list.hasImages) && (
        <>
          <h3>Samples, the same at every {shown.purpose}</h3>
          <SampleCards list={list} evaluation={shown} samples={shown.shown} label="Samples" />
        </>
      )}
      <h3>{worstTitle}</h3>
      {shown.worst.length === 0 ? (
        <p class="empty">None: every sample is recognised.</p>
      ) : isRegression && !list.hasImages ? (
        <ValuesTable samples={shown.worst} />
      ) : (
        <SampleCards list={list} evaluation={shown} samples={shown.worst} label={worstTitle} />
      )}
    </>
  );
}

/** Predicted beside true: a dot for each sample, on the diagonal where they are the same. */
function Regression({ samples }: { readonly samples: readonly ShownPrediction[] }) {
  const points = samples.flatMap(({ index, truth, values }) => {
    const [right, said] = [truth[0] as number, values?.[0]];
    return said == null || right == null ? [] : [{ index, right, said }];
  });
  const all = points.flatMap(({ right, said }) => [right, said]);
  if (all.length === 0) return <p class="empty">No prediction is finite.</p>;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const at = (value: number) => (high === low ? 50 : 4 + (92 * (value - low)) / (high - low));
  const error = points.reduce((sum, { right, said }) => sum + Math.abs(right - said), 0) / points.length;
  return (
    <figure class="scatter">
      <svg
        viewBox="0 0 100 100"
        role="img"
        aria-label={`Predicted beside true values of ${points.length} samples, from ${figure(low)} to ${figure(high)}: they differ by ${figure(error)} in the mean`}
      >
        <rect x="0" y="0" width="100" height="100" />
        <line x1="4" y1="96" x2="96" y2="4" />
        {points.map(({ index, right, said }) => (
          <circle key={index} cx={at(right)} cy={100 - at(said)} r="1.3">
            <title>{`sample ${index}: ${figure(said)} predicted, ${figure(right)} true`}</title>
          </circle>
        ))}
      </svg>
      <figcaption>
        Predicted (upwards) beside true (to the right), from {figure(low)} to {figure(high)}: {points.length} samples,
        the same at every validation. On the line they are equal.
      </figcaption>
    </figure>
  );
}

function ValuesTable({ samples }: { readonly samples: readonly ShownPrediction[] }) {
  const listOf = (values: readonly (number | null)[]) => values.map(figure).join(', ');
  return (
    <div class="scroll errors" tabIndex={0} role="region" aria-label="Table of the largest errors">
      <table>
        <thead>
          <tr>
            <th class="number">Sample</th>
            <th class="number">True</th>
            <th class="number">Predicted</th>
            <th class="number">Loss</th>
          </tr>
        </thead>
        <tbody>
          {samples.map(({ index, truth, values = [], loss }) => (
            <tr key={index}>
              <td class="number">{whole(index)}</td>
              <td class="number">{listOf(truth as readonly number[])}</td>
              <td class="number">{listOf(values)}</td>
              <td class="number">{figure(loss)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function keyOf({ purpose, step }: ShownEvaluation): string {
  return `${purpose} ${step}`;
}

function nameOf({ purpose, step, confusion }: ShownEvaluation): string {
  return `${purpose} after step ${whole(step)}${accuracyText(confusion)}`;
}

function accuracyText(confusion: ShownEvaluation['confusion']): string {
  if (confusion === null || !('counts' in confusion)) return '';
  const samples = confusion.counts.flat().reduce((sum, count) => sum + count, 0);
  const correct = confusion.counts.reduce((sum, row, label) => sum + row[label]!, 0);
  return samples === 0 ? '' : `, ${percent(correct / samples)}`;
}
