import { useEffect, useMemo, useState } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import { MAX_OVERLAID } from '../src/replay/listed-run.ts';
import { AXES, lastPlace, overlay, type Axis, type OverlaidCurve } from '../src/replay/overlay.ts';
import { changeAddress, compareAddress, listAddress } from './address.ts';
import { Chart, type Drawing, type Line } from './chart.tsx';
import { CompareTable } from './compare-table.tsx';
import type { ComparedRun } from './compared-run.ts';
import { positive, Smoothing } from './controls.tsx';
import { CurveFigures, type CurveName } from './curve-figures.ts';
import { duration, figure, metricFigure, percentText, upperFirst } from './text.ts';
import { useConfigs } from './use-configs.ts';
import { useFeed } from './use-feed.ts';

type Range = readonly [number, number];

/** Colours that can be told apart, in the style sheet: `--run-1` and on. */
const COLORS = 6;
/** Buckets of each run in a chart. */
const BUCKETS = 400;
/** With more runs the areas between least and greatest would hide the curves. */
const MOST_AREAS = 3;
const AXIS_WORDS: Readonly<Record<Axis, string>> = { step: 'steps', epoch: 'epochs', time: 'time' };

interface CompareProps {
  readonly names: readonly string[];
  readonly firstAxis: Axis;
  readonly theme: string;
}

/** Runs laid over one another. */
export function ComparePage({ names, firstAxis, theme }: CompareProps) {
  const asked = names.slice(0, MAX_OVERLAID);
  const configs = useConfigs(asked);
  if (configs === null) return <p class="empty">Reading the runs …</p>;
  const found = asked.filter((name) => configs.has(name));
  const missing = asked.filter((name) => !configs.has(name));
  return (
    <>
      {missing.length > 0 && (
        <p class="notice" role="status">
          Not in this folder: {missing.join(', ')}.
        </p>
      )}
      {found.length === 0 ? (
        <p class="empty">
          None of these runs is here. <a href="#">Choose others</a>
        </p>
      ) : (
        <Comparison key={found.join('\n')} {...{ names: found, configs, firstAxis, theme }} />
      )}
    </>
  );
}

interface ComparisonProps extends CompareProps {
  readonly configs: ReadonlyMap<string, unknown>;
}

function Comparison({ names, configs, firstAxis, theme }: ComparisonProps) {
  const { replays, state, refusal, isAnother } = useFeed(names);
  const [axis, setAxis] = useState(firstAxis);
  const [smoothing, setSmoothing] = useState(0.9);
  const [isLog, setLog] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [marked, setMarked] = useState<string | null>(null);
  const [zoom, setZoom] = useState<Range | null>(null);
  const [figures] = useState(() => new CurveFigures());
  useEffect(() => changeAddress(compareAddress(names, axis)), [axis]);
  const runs = replays.map((replay, index) => {
    const name = names[index]!;
    const color = `--run-${1 + (index % COLORS)}` as const;
    return { name, replay, color, config: configs.get(name), isDashed: index >= COLORS, isHidden: hidden.has(name) };
  });
  // Time passes also when nothing happens; then they stay as they are.
  const lines = replays.reduce((sum, each) => sum + each.lines, 0);
  const charts = useMemo(
    () => <OverlaidCharts {...{ runs, axis, smoothing, isLog, zoom, marked, figures, theme }} onZoom={setZoom} />,
    [replays, lines, hidden, axis, smoothing, isLog, zoom, marked, theme],
  );
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <>
      <header class="page-title">
        <h1>{names.length === 1 ? 'One run' : `${names.length} runs compared`}</h1>
        <a href={listAddress(names)}>Change the selection</a>
        <span class="count" role="status">
          {state === 'live' ? '' : (refusal ?? (state === 'lost' ? 'No connection. Trying again …' : 'Reading …'))}
        </span>
      </header>
      {isAnother && <p class="notice">One of the runs was replaced by another. All were read again.</p>}
      <section aria-label="Charts">
        <div class="controls">
          <Smoothing value={smoothing} onChange={setSmoothing} />
          <label>
            Over
            <select
              value={axis}
              onChange={({ currentTarget }) => {
                setAxis(currentTarget.value as Axis);
                setZoom(null);
              }}
            >
              {AXES.map((each) => (
                <option key={each} value={each}>
                  {AXIS_WORDS[each]}
                </option>
              ))}
            </select>
          </label>
          <label>
            <input type="checkbox" checked={isLog} onChange={() => setLog(!isLog)} /> loss on a log scale
          </label>
          {zoom !== null && (
            <button type="button" onClick={() => setZoom(null)}>
              Show all
            </button>
          )}
          <small class="hint">Drag over a chart to zoom, double-click to show all.</small>
        </div>
        {charts}
      </section>
      <CompareTable runs={runs} figures={figures} onToggle={toggle} onMark={setMarked} />
    </>
  );
}

interface OverlaidChartsProps {
  readonly runs: readonly ComparedRun[];
  readonly axis: Axis;
  readonly smoothing: number;
  readonly isLog: boolean;
  readonly zoom: Range | null;
  /** The run that others are dimmed for. */
  readonly marked: string | null;
  readonly figures: CurveFigures;
  readonly theme: string;
  readonly onZoom: (range: Range | null) => void;
}

function OverlaidCharts({ runs, axis, smoothing, isLog, zoom, marked, figures, theme, onZoom }: OverlaidChartsProps) {
  const shown = runs.filter(({ isHidden, replay }) => !isHidden && replay.lines > 0);
  const replays = shown.map(({ replay }) => replay);
  // Runs that measure something else have their own name for it in the table.
  const metric = shown[0]?.replay.metric ?? 'accuracy';
  const [from, to] = zoom ?? [axis === 'step' ? 1 : 0, Math.max(lastPlace(replays, axis), axis === 'step' ? 2 : 1e-3)];
  const withAreas = shown.length <= MOST_AREAS;
  const each = withAreas ? 4 : 2;
  const summary = `a curve for each of ${shown.length} runs; the table below has their figures`;
  const draw = (quantity: 'loss' | 'metric') => (): Drawing => {
    const { places, curves } = overlay(replays, { quantity, axis, from, to, count: BUCKETS, smoothing });
    const values = curves.flatMap((curve) => {
      const { low, high, smooth, validations } = quantity === 'loss' && isLog ? aboveZero(curve) : curve;
      return [smooth, validations, low, high].slice(0, each);
    });
    return { places, values, summary };
  };
  const lines = shown.flatMap(({ name, color, isDashed }) => {
    const line = { color, isDimmed: marked !== null && marked !== name };
    const ofRun: readonly Line[] = [
      { ...line, label: name, look: isDashed ? 'dashed' : 'strong' },
      { ...line, label: `${name} validation`, look: 'points' },
      { ...line, label: `${name} lowest`, look: 'least' },
      { ...line, label: `${name} highest`, look: 'greatest' },
    ];
    return ofRun.slice(0, each);
  });
  const tell =
    (training: CurveName, validation: CurveName) => (values: readonly (number | null)[], isUnderCrosshair: boolean) =>
      figures.tell(
        shown.map(({ name }, index) => ({
          run: name,
          [training]: values[each * index] ?? null,
          [validation]: values[each * index + 1] ?? null,
        })),
        isUnderCrosshair,
      );
  const common = {
    ...{ range: [from, to] as const, onZoom, theme, isTall: true, placeName: axis === 'time' ? 'time' : axis },
    ...(axis === 'time' ? { placeFormat: (seconds: number) => duration(1_000 * seconds) } : {}),
    ...(axis === 'epoch' ? { placeFormat: (epoch: number) => String(+epoch.toPrecision(4)) } : {}),
  };
  return (
    <div class="charts two">
      <Chart
        {...common}
        title="Loss"
        isLog={isLog}
        lines={lines}
        draw={draw('loss')}
        format={figure}
        onFigures={tell('trainingLoss', 'validationLoss')}
      />
      <Chart
        {...common}
        title={upperFirst(METRIC_LABELS[metric])}
        lines={lines}
        draw={draw('metric')}
        format={(value) => metricFigure(metric, value)}
        {...(metric === 'accuracy' ? { axisFormat: percentText } : {})}
        onFigures={tell('trainingMetric', 'validationMetric')}
      />
    </div>
  );
}

function aboveZero({ low, high, smooth, validations }: OverlaidCurve): OverlaidCurve {
  return { low: positive(low), high: positive(high), smooth: positive(smooth), validations: positive(validations) };
}
