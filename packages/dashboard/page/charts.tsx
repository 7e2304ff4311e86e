import { useState } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import type { WorkerStatus } from '@convoy/protocol/run-status';
import { curveOf, type Curve } from '../src/replay/curve.ts';
import type { Replay } from '../src/replay/replay.ts';
import type { StepQuantity } from '../src/replay/series.ts';
import { Chart, type Line } from './chart.tsx';
import { positive, Smoothing } from './controls.tsx';
import { StepTime } from './step-time.tsx';
import { figure, metricFigure, percentText, upperFirst, whole } from './text.ts';

type Range = readonly [number, number];

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
  const draw = (quantity: StepQuantity, figureName?: 'loss' | 'metric') =>
    curveOf(replay.series, quantity, {
      ...{ from: range[0], to: range[1], count: BUCKETS, smoothing },
      ...(figureName === undefined
        ? {}
        : { epochs: replay.epochs, validations: replay.validations, figure: figureName }),
    });
  const loss = draw('loss', 'loss');
  const accuracy = draw('metric', 'metric');
  const rate = draw('learningRate');
  const norm = draw('gradientNorm');
  const pace = draw('samplesPerSecond');
  const measured = (curve: Curve) => (byEpoch ? epochLines(curve) : stepLines(curve));
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
          places={loss.steps}
          lines={measured(isLog ? aboveZero(loss) : loss)}
          format={figure}
          summary={summaryOf(loss, figure)}
        />
        <Chart
          {...common}
          title={upperFirst(metric)}
          isTall
          places={accuracy.steps}
          lines={measured(accuracy)}
          format={(value) => metricFigure(replay.metric, value)}
          {...(replay.metric === 'accuracy' ? { axisFormat: percentText } : {})}
          summary={summaryOf(accuracy, (value) => metricFigure(replay.metric, value))}
        />
      </div>
      <div class="charts three">
        <Chart
          {...common}
          title="Learning rate"
          places={rate.steps}
          lines={[{ label: 'rate', color: '--violet', look: 'strong', values: rate.mean }]}
          format={figure}
          summary={summaryOf(rate, figure)}
        />
        <Chart
          {...common}
          title="Gradient norm"
          places={norm.steps}
          lines={stepLines(norm, '--teal').filter(({ look }) => look !== 'points')}
          format={figure}
          summary={summaryOf(norm, figure)}
        />
        <Chart
          {...common}
          title="Samples per second"
          places={pace.steps}
          lines={stepLines(pace, '--green').filter(({ look }) => look !== 'points')}
          format={(value) => whole(Math.round(value))}
          summary={summaryOf(pace, (value) => whole(Math.round(value)))}
        />
      </div>
      <StepTime {...common} replay={replay} live={live} />
    </section>
  );
}

function stepLines(curve: Curve, color: Line['color'] = '--blue'): readonly Line[] {
  return [
    { label: 'each step', color, look: 'faint', values: curve.mean },
    { label: 'lowest', color, look: 'least', values: curve.low },
    { label: 'highest', color, look: 'greatest', values: curve.high },
    { label: 'smoothed', color, look: 'strong', values: curve.smooth },
    { label: 'validation', color: '--orange', look: 'points', values: curve.validations },
  ];
}

function epochLines(curve: Curve): readonly Line[] {
  return [
    { label: 'epoch', color: '--blue', look: 'points', values: curve.epochs },
    { label: 'validation', color: '--orange', look: 'points', values: curve.validations },
  ];
}

/** What a log scale can show. */
function aboveZero(curve: Curve): Curve {
  const { steps, low, high, mean, smooth, epochs, validations } = curve;
  return {
    ...{ steps, low: positive(low), high: positive(high), mean: positive(mean), smooth: positive(smooth) },
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

function summaryOf(curve: Curve, format: (value: number) => string): string {
  const last = (values: readonly (number | null)[]) => values.findLast((value) => value !== null) ?? null;
  const [value, validation] = [last(curve.smooth), last(curve.validations)];
  if (value === null) return 'no figure yet';
  const step = curve.steps.at(-1);
  return `${format(value)} at step ${step}${validation === null ? '' : `, ${format(validation)} at the last validation`}`;
}
