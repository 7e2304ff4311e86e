import { useEffect, useRef } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import { differingSettings } from '@convoy/protocol/setting-paths';
import { bestOf } from '../src/replay/replay.ts';
import { runAddress } from './address.ts';
import type { ComparedRun } from './compared-run.ts';
import type { CurveFigures, CurveName } from './curve-figures.ts';
import { duration, figure, metricFigure, upperFirst, whole } from './text.ts';

interface CompareTableProps {
  readonly runs: readonly ComparedRun[];
  readonly figures: CurveFigures;
  readonly onToggle: (name: string) => void;
  /** Told which run is pointed at; null for none. */
  readonly onMark: (name: string | null) => void;
}

/** What each run came to, and the settings in which they differ. */
export function CompareTable(props: CompareTableProps) {
  return (
    <>
      <Figures {...props} />
      <Settings runs={props.runs} />
    </>
  );
}

const CURVE_NAMES: readonly CurveName[] = ['trainingLoss', 'trainingMetric', 'validationLoss', 'validationMetric'];

function Figures({ runs, figures, onToggle, onMark }: CompareTableProps) {
  const place = useRef<HTMLElement>(null);
  const names = [...new Set(runs.map(({ replay }) => upperFirst(METRIC_LABELS[replay.metric])))];
  const metric = names.length === 1 ? names[0]! : 'Metric';
  // Without rendering anything: the crosshair moves with the pointer.
  const write = () => {
    const { current } = place;
    if (current === null) return;
    for (const cell of current.querySelectorAll<HTMLElement>('[data-run]')) {
      const { run = '', curve, metric: name } = cell.dataset;
      const value = figures.of(run, curve as CurveName);
      const text = name === undefined ? figure(value) : metricFigure(name as 'accuracy', value);
      if (cell.textContent !== text) cell.textContent = text;
    }
    const where = current.querySelector('[data-where]')!;
    where.textContent = figures.isUnderCrosshair ? 'under the crosshair' : 'at the end of each curve';
  };
  useEffect(() => figures.listen(write), [figures]);
  useEffect(write);
  return (
    <section class="card" aria-label="Figures" ref={place}>
      <header>
        <h2>Figures</h2>
        <span class="count">
          Loss and {metric.toLowerCase()} <span data-where />
        </span>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of figures">
        <table class="compared">
          <thead>
            <tr>
              <th>Run</th>
              <th>State</th>
              <th class="number">Step</th>
              <th class="number">Loss</th>
              <th class="number">{metric}</th>
              <th class="number">Validation loss</th>
              <th class="number">Validation</th>
              <th class="number">Best validation</th>
              <th class="number">Test</th>
              <th class="number">Time</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <FiguresRow key={run.name} run={run} onToggle={onToggle} onMark={onMark} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type RowProps = Pick<CompareTableProps, 'onToggle' | 'onMark'> & { readonly run: ComparedRun };

function FiguresRow({ run, onToggle, onMark }: RowProps) {
  const { name, replay, isHidden } = run;
  const { metric, validations, tests, step, totalSteps, state, series } = replay;
  const best = bestOf(validations, metric);
  const test = tests.at(-1);
  const elapsedMs = series.values('elapsedMs').at(-1);
  const isMetric = (curve: CurveName) => curve.endsWith('Metric');
  return (
    <tr class={isHidden ? 'gone' : ''} onMouseEnter={() => onMark(name)} onMouseLeave={() => onMark(null)}>
      <th scope="row">
        <span class="run-name">
          <label class="run-name">
            <input
              type="checkbox"
              checked={!isHidden}
              aria-label={`Show ${name} in the charts`}
              onChange={() => onToggle(name)}
              onFocus={() => onMark(name)}
              onBlur={() => onMark(null)}
            />
            <Swatch run={run} />
          </label>
          <a href={runAddress(name)}>{name}</a>
        </span>
      </th>
      <td>{state.name}</td>
      <td class="number">
        {whole(step)} of {whole(totalSteps)}
      </td>
      {CURVE_NAMES.map((curve) => (
        <td
          key={curve}
          class="number"
          data-run={name}
          data-curve={curve}
          {...(isMetric(curve) ? { 'data-metric': metric } : {})}
        />
      ))}
      <td class="number">
        {best === null ? '–' : metricFigure(metric, best.metric)}
        {best !== null && <small>at step {whole(best.step)}</small>}
      </td>
      <td class="number">
        {test === undefined ? '–' : metricFigure(metric, test.metric)}
        {test !== undefined && <small>loss {figure(test.loss)}</small>}
      </td>
      <td class="number">{elapsedMs === undefined ? '–' : duration(elapsedMs)}</td>
    </tr>
  );
}

/** A piece of the run's curve. */
function Swatch({ run }: { readonly run: ComparedRun }) {
  return <i class={run.isDashed ? 'swatch dashed' : 'swatch'} style={{ '--line': `var(${run.color})` }} />;
}

function Settings({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const settings = Object.entries(differingSettings(runs.map(({ config }) => config)));
  return (
    <section class="card" aria-label="Settings that differ">
      <header>
        <h2>Settings that differ</h2>
      </header>
      {settings.length === 0 ? (
        <p class="empty">None: these runs have the same settings.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of settings">
          <table class="compared">
            <thead>
              <tr>
                <th>Setting</th>
                {runs.map((run) => (
                  <th key={run.name} scope="col">
                    <span class="run-name">
                      <Swatch run={run} />
                      {run.name}
                    </span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {settings.map(([path, values]) => (
                <tr key={path}>
                  <th scope="row">{path}</th>
                  {values.map((value, index) => (
                    <td key={runs[index]!.name}>{value === '' ? '–' : value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
