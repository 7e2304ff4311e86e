import { useState } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import type { WorkerStatus } from '@convoy/protocol/run-status';
import { curveOf, type Curve } from '../src/replay/curve.ts';
import type { Replay } from '../src/replay/replay.ts';
import type { StepQuantity } from '../src/replay/series.ts';
import { Chart, type Drawing, type Line } from './chart.tsx';
import { positive, Smoothing } from './controls.tsx';
import { StepTime } from './step-time.tsx';
import { figure, metricFigure, percentText, upperFirst, whole } from './text.ts';

type Range = readonly [number, number];
type Format = (value: number) => string;

/** Buckets in a chart: about one for each of its pixels. */
const BUCKETS = 600;
const SPANS = { all: 'whole run', half: 'last half', tenth: 'last tenth', zoom: 'selection' } as const;
type Span = keyof typeof SPANS;

interface ChartsProps {
  readonly replay: Replay;
  readonly theme: string;
  /** What the coordinator says of its workers, by their ranks. */
  readonly live: ReadonlyMap<number, WorkerStatus>;
}

/** The run's curves, over the same steps. */
export function Charts({ replay, theme, live }: ChartsProps) {
  const [smoothing, setSmoothing] = useState(0.9);
  const [isLog, setLog] = useState(false);
  const [byEpoch, setByEpoch] = useState(false);
  const [span, setSpan] = useState<Span>('all');
  const [zoom, setZoom] = useState<Range | null>(null);
  const range = rangeOf(replay, span, zoom);
  const onZoom = (wanted: Range | null) => {
    setZoom(wanted);
    setSpan(wanted === null ? 'all' : 'zoom');
  };
  const metric = METRIC_LABELS[replay.metric];
  const common = { range, onZoom, theme };
  const curve = (quantity: StepQuantity, figureName?: 'loss' | 'metric') =>
    curveOf(replay.series, quantity, {
      ...{ from: range[0], to: range[1], count: BUCKETS, smoothing },
      ...(figureName === undefined
        ? {}
        : { epochs: replay.epochs, validations: replay.validations, figure: figureName }),
    });
  const measuredLines = byEpoch ? EPOCH_LINES : MEASURED_LINES;
  const measured = (quantity: 'loss' | 'metric', format: Format, isPositive: boolean) => (): Drawing => {
    const all = curve(quantity, quantity);
    const shown = isPositive ? aboveZero(all) : all;
    return drawingOf(
      shown,
      byEpoch ? [shown.epochs, shown.validations] : [...stepValues(shown), shown.validations],
      format,
    );
  };
  const ofSteps = (quantity: StepQuantity, format: Format) => (): Drawing => {
    const shown = curve(quantity);
    return drawingOf(shown, stepValues(shown), format);
  };
  const metricText: Format = (value) => metricFigure(replay.metric, value);
  const paceText: Format = (value) => whole(Math.round(value));
  return (
    <section aria-label="Charts">
      <div class="controls">
        <Smoothing value={smoothing} onChange={setSmoothing} disabled={byEpoch} />
        <label>
          Show
          <select value={span} onChange={({ currentTarget }) => setSpan(currentTarget.value as Span)}>
            {Object.entries(SPANS)
              .filter(([name]) => name !== 'zoom' || zoom !== null)
              .map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
          </select>
        </label>
        <label>
          <input type="checkbox" checked={byEpoch} onChange={() => setByEpoch(!byEpoch)} /> means of epochs
        </label>
        <label>
          <input type="checkbox" checked={isLog} onChange={() => setLog(!isLog)} /> loss on a log scale
        </label>
        {span === 'zoom' && (
          <button type="button" onClick={() => onZoom(null)}>
            Show all
          </button>
        )}
        <small class="hint">Drag over a chart to zoom, double-click to show all.</small>
      </div>
      <div class="charts two">
        <Chart
          {...common}
          title="Loss"
          isTall
          isLog={isLog}
          lines={measuredLines}
          draw={measured('loss', figure, isLog)}
          format={figure}
        />
        <Chart
          {...common}
          title={upperFirst(metric)}
          isTall
          lines={measuredLines}
          draw={measured('metric', metricText, false)}
          format={metricText}
          {...(replay.metric === 'accuracy' ? { axisFormat: percentText } : {})}
        />
      </div>
      <div class="charts three">
        <Chart
          {...common}
          title="Learning rate"
          lines={[{ label: 'rate', color: '--violet', look: 'strong' }]}
          draw={() => {
            const shown = curve('learningRate');
            return drawingOf(shown, [shown.mean], figure);
          }}
          format={figure}
        />
        <Chart
          {...common}
          title="Gradient norm"
          lines={stepLines('--teal')}
          draw={ofSteps('gradientNorm', figure)}
          format={figure}
        />
        <Chart
          {...common}
          title="Samples per second"
          lines={stepLines('--green')}
          draw={ofSteps('samplesPerSecond', paceText)}
          format={paceText}
        />
      </div>
      <StepTime {...common} replay={replay} live={live} />
    </section>
  );
}

/** Of {@link stepValues}. */
function stepLines(color: Line['color']): readonly Line[] {
  return [
    { label: 'each step', color, look: 'faint' },
    { label: 'lowest', color, look: 'least' },
    { label: 'highest', color, look: 'greatest' },
    { label: 'smoothed', color, look: 'strong' },
  ];
}

function stepValues({ mean, low, high, smooth }: Curve): Drawing['values'] {
  return [mean, low, high, smooth];
}

const VALIDATION_LINE: Line = { label: 'validation', color: '--orange', look: 'points' };
const MEASURED_LINES: readonly Line[] = [...stepLines('--blue'), VALIDATION_LINE];
const EPOCH_LINES: readonly Line[] = [{ label: 'epoch', color: '--blue', look: 'points' }, VALIDATION_LINE];

function drawingOf(curve: Curve, values: Drawing['values'], format: Format): Drawing {
  return { places: curve.steps, values, summary: summaryOf(curve, format) };
}

/** What a log scale can show. */
function aboveZero(curve: Curve): Curve {
  const { steps, length, low, high, mean, smooth, epochs, validations } = curve;
  return {
    ...{ steps, length, low: positive(low), high: positive(high), mean: positive(mean), smooth: positive(smooth) },
    ...{ epochs: positive(epochs), validations: positive(validations) },
  };
}

function rangeOf(replay: Replay, span: Span, zoom: Range | null): Range {
  const last = Math.max(replay.series.steps.at(-1) ?? 0, 2);
  switch (span) {
    case 'all':
      return [replay.series.steps[0] ?? 1, last];
    case 'half':
      return [Math.floor(last / 2), last];
    case 'tenth':
      return [Math.min(last - 1, Math.floor(0.9 * last)), last];
    case 'zoom':
      return zoom ?? [1, last];
  }
}

/** In words: where the curve has come to, and how many steps it is made of. */
function summaryOf(curve: Curve, format: Format): string {
  const last = (values: readonly (number | null)[]) => values.findLast((value) => value !== null) ?? null;
  const [value, validation] = [last(curve.smooth), last(curve.validations)];
  if (value === null) return 'no figure yet';
  const [steps, step] = [curve.length, curve.steps.at(-1)!];
  return `${whole(steps)} ${steps === 1 ? 'step' : 'steps'}, ${format(value)} at step ${whole(step)}${validation === null ? '' : `, ${format(validation)} at the last validation`}`;
}
