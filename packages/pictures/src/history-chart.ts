import { METRIC_LABELS, type MetricName } from '@convoy/protocol/metric';
import type { EChartsOption, LineSeriesOption } from 'echarts';
import { chartSvg, colors } from './chart.ts';

/** One measurement along a run. */
export interface CurvePoint {
  /** Epochs or steps done. */
  readonly at: number;
  /** Per sample; NaN leaves a gap. */
  readonly loss: number;
  /** An accuracy from 0 to 1, or a mean absolute error; NaN leaves a gap. */
  readonly metric: number;
}

/** Something that happened to a run, and after which its curves may turn. */
export interface CurveMark {
  readonly at: number;
  /** A few words. */
  readonly text: string;
}

export interface HistoryCurves {
  readonly title: string;
  readonly subtitle: string;
  readonly metric: MetricName;
  /** What `at` counts. */
  readonly unit: 'epoch' | 'step';
  /** Single steps, drawn faintly; of many on a pixel the least and the greatest. */
  readonly steps: readonly CurvePoint[];
  /** Means of epochs, or the steps smoothed. */
  readonly training: readonly CurvePoint[];
  readonly validation: readonly CurvePoint[];
  readonly test: CurvePoint | null;
  readonly marks: readonly CurveMark[];
}

/** Points across one panel at which more of them fall on the same pixel. */
export const PANEL_PIXELS = 398;
const SIZE = { width: 960, height: 420 };
/** More points than this are a line without symbols. */
const MOST_SYMBOLS = 60;
/** More marks than this have no room for their words. */
const MOST_WORDS = 4;
/** A single step beyond this share of all is not what the axis is made for. */
const OUTLIERS = 0.02;

type ValueOf = (point: CurvePoint) => number;

/** The metric and the loss side by side, training and validation in each, as the lesson's `show_history`. @returns the SVG. */
export function historyChart(curves: HistoryCurves): string {
  // A classification's loss is a cross-entropy; a regression's has the square of its targets' unit.
  const isAccuracy = curves.metric === 'accuracy';
  const panels: readonly { left: number; right: number; name: string; value: ValueOf }[] = [
    {
      left: 64,
      right: SIZE.width - 64 - PANEL_PIXELS,
      name: isAccuracy ? 'accuracy, %' : METRIC_LABELS[curves.metric],
      value: ({ metric }) => (isAccuracy ? 100 * metric : metric),
    },
    { left: 530, right: 28, name: isAccuracy ? 'loss, nats' : 'loss', value: ({ loss }) => loss },
  ];
  const all = pointsOf(curves);
  const series = panels.flatMap(({ value }, panel) => seriesOf(curves, panel, value));
  const shown = new Set(series.map(({ name }) => name as string));
  const option: EChartsOption = {
    title: {
      text: curves.title,
      subtext: curves.subtitle,
      left: 16,
      top: 10,
      itemGap: 6,
      textStyle: { fontSize: 15, color: colors.text },
      subtextStyle: { fontSize: 12, color: colors.faint },
    },
    legend: {
      data: LEGEND.filter((name) => shown.has(name)).map((name) => ({
        name,
        // It is a line without symbols.
        ...(name === 'each step' ? { icon: 'rect', itemStyle: { borderWidth: 0 } } : {}),
      })),
      right: 28,
      top: 12,
      itemWidth: 30,
      itemHeight: 12,
      textStyle: { color: colors.text },
    },
    grid: panels.map(({ left, right }) => ({ left, right, top: 100, bottom: 52 })),
    xAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      name: curves.unit,
      nameLocation: 'middle' as const,
      nameGap: 28,
      nameTextStyle: { color: colors.text },
      min: 0,
      max: Math.max(1, ...all.map(({ at }) => at)),
      minInterval: 1,
      splitLine: { show: false },
      axisLabel: { color: colors.text, showMaxLabel: null, hideOverlap: true },
    })),
    yAxis: panels.map(({ name, value }, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      scale: true,
      ...boundsOf(curves, value),
      name,
      nameTextStyle: { color: colors.text, align: 'left' as const, padding: [0, 0, 0, -36] },
      axisLabel: { color: colors.text },
      splitLine: { lineStyle: { color: colors.grid } },
    })),
    series,
  };
  return chartSvg(option, SIZE);
}

const LEGEND = ['each step', 'training', 'training, smoothed', 'validation', 'test'] as const;
type CurveName = (typeof LEGEND)[number];

function pointsOf({ steps, training, validation, test }: HistoryCurves): readonly CurvePoint[] {
  return [...steps, ...training, ...validation, ...(test === null ? [] : [test])];
}

function seriesOf(curves: HistoryCurves, panel: number, value: ValueOf): readonly LineSeriesOption[] {
  const { steps, training, validation, test, marks } = curves;
  const of = (name: CurveName, points: readonly CurvePoint[], look: LineSeriesOption): LineSeriesOption => ({
    type: 'line',
    name,
    xAxisIndex: panel,
    yAxisIndex: panel,
    // ECharts leaves a gap at '-'.
    data: points.map((point) => [point.at, Number.isFinite(value(point)) ? value(point) : '-']),
    showSymbol: points.length <= MOST_SYMBOLS,
    symbolSize: 6,
    ...look,
  });
  const isSmoothed = curves.unit === 'step' && steps.length > 0;
  return [
    ...(steps.length === 0
      ? []
      : [of('each step', steps, { color: colors.steps, showSymbol: false, lineStyle: { width: 1 }, z: 1 })]),
    of(isSmoothed ? 'training, smoothed' : 'training', training, {
      color: colors.training,
      lineStyle: { width: training.length > MOST_SYMBOLS && !isSmoothed ? 1.25 : 2 },
      symbol: 'circle',
      // What is smoothed was not measured there.
      showSymbol: training.length === 1 || (!isSmoothed && training.length <= MOST_SYMBOLS),
      markLine: markLine(marks, panel),
    }),
    of('validation', validation, {
      // Of what was measured at one step the smaller symbol is in front.
      z: 3,
      color: colors.validation,
      lineStyle: { width: validation.length > MOST_SYMBOLS ? 1.25 : 2, type: 'dashed' },
      symbol: 'rect',
    }),
    ...(test === null ? [] : [of('test', [test], { color: colors.test, symbol: 'diamond', symbolSize: 13 })]),
  ];
}

function markLine(marks: readonly CurveMark[], panel: number): NonNullable<LineSeriesOption['markLine']> {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: colors.faint, type: 'dotted', width: 1 },
    data: marks.map(({ at, text }, index) => ({
      xAxis: at,
      label: {
        // Once is enough.
        show: panel === 0 && marks.length <= MOST_WORDS,
        formatter: text,
        color: colors.faint,
        fontSize: 10,
        // Those that are near each other are read one above the other.
        distance: index % 2 === 0 ? 4 : 16,
      },
    })),
  };
}

/**
 * Where the vertical axis begins and ends: every curve fits in, and single steps but for the few that are far from all others. Those
 * lead out of the picture instead of pressing the rest flat.
 */
function boundsOf(curves: HistoryCurves, value: ValueOf): { readonly min?: number; readonly max?: number } {
  const finite = (points: readonly CurvePoint[]) => points.map(value).filter(Number.isFinite);
  const steps = finite(curves.steps).sort((a, b) => a - b);
  if (steps.length === 0) return {};
  const curve = finite(pointsOf({ ...curves, steps: [] }));
  const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const [low, high] = [quantile(steps, OUTLIERS), quantile(steps, 1 - OUTLIERS)];
  const room = (high - low) / 2;
  const from = Math.min(least(curve), Math.max(steps[0]!, low - room));
  const to = Math.max(most(curve), Math.min(steps.at(-1)!, high + room));
  const tick = roundTick((to - from) / 5);
  return { min: rounded(Math.floor(from / tick) * tick), max: rounded(Math.ceil(to / tick) * tick) };
}

function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.round(share * (ascending.length - 1))]!;
}

/** The next of 1, 2, 5, 10, … */
function roundTick(width: number): number {
  if (width <= 0) return 1;
  const decade = 10 ** Math.floor(Math.log10(width));
  return decade * ([1, 2, 5].find((factor) => factor * decade >= width) ?? 10);
}

/** Without the last bits of a multiple of 0.1. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
