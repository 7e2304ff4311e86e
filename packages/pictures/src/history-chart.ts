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

export interface HistoryCurves {
  readonly title: string;
  readonly subtitle: string;
  readonly metric: MetricName;
  /** What `at` counts. */
  readonly unit: 'epoch' | 'step';
  readonly training: readonly CurvePoint[];
  readonly validation: readonly CurvePoint[];
}

const SIZE = { width: 960, height: 420 };
/** More points than this are a line without marks. */
const MOST_MARKS = 60;

/** The metric and the loss side by side, training and validation in each, as the lesson's `show_history`. @returns the SVG. */
export function historyChart(curves: HistoryCurves): string {
  // A classification's loss is a cross-entropy; a regression's has the square of its targets' unit.
  const isAccuracy = curves.metric === 'accuracy';
  const panels = [
    {
      left: 64,
      right: 498,
      name: isAccuracy ? 'accuracy, %' : METRIC_LABELS[curves.metric],
      value: ({ metric }: CurvePoint) => (isAccuracy ? 100 * metric : metric),
    },
    { left: 530, right: 28, name: isAccuracy ? 'loss, nats' : 'loss', value: ({ loss }: CurvePoint) => loss },
  ];
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
    legend: { data: ['training', 'validation'], right: 28, top: 12, itemWidth: 34, textStyle: { color: colors.text } },
    grid: panels.map(({ left, right }) => ({ left, right, top: 100, bottom: 52 })),
    xAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      name: curves.unit,
      nameLocation: 'middle' as const,
      nameGap: 28,
      nameTextStyle: { color: colors.text },
      min: 0,
      max: Math.max(1, ...[...curves.training, ...curves.validation].map(({ at }) => at)),
      minInterval: 1,
      splitLine: { show: false },
      axisLabel: { color: colors.text, showMaxLabel: null, hideOverlap: true },
    })),
    yAxis: panels.map(({ name }, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      scale: true,
      name,
      nameTextStyle: { color: colors.text, align: 'left' as const, padding: [0, 0, 0, -36] },
      axisLabel: { color: colors.text },
      splitLine: { lineStyle: { color: colors.grid } },
    })),
    series: panels.flatMap(({ value }, panel) => [
      curve('training', panel, curves.training, value),
      curve('validation', panel, curves.validation, value),
    ]),
  };
  return chartSvg(option, SIZE);
}

function curve(
  name: 'training' | 'validation',
  panel: number,
  points: readonly CurvePoint[],
  value: (point: CurvePoint) => number,
): LineSeriesOption {
  return {
    type: 'line',
    name,
    xAxisIndex: panel,
    yAxisIndex: panel,
    // ECharts leaves a gap at '-'.
    data: points.map((point) => [point.at, Number.isFinite(value(point)) ? value(point) : '-']),
    color: colors[name],
    lineStyle: { width: points.length > MOST_MARKS ? 1.25 : 2, type: name === 'training' ? 'solid' : 'dashed' },
    showSymbol: points.length <= MOST_MARKS,
    symbol: name === 'training' ? 'circle' : 'rect',
    symbolSize: 6,
  };
}
