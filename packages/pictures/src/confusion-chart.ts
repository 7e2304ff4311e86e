import type { BarSeriesOption, EChartsOption, HeatmapSeriesOption } from 'echarts';
import { chartSvg, colors } from './chart.ts';

export interface ConfusionFigures {
  readonly title: string;
  readonly subtitle: string;
  readonly classNames: readonly string[];
  /** Samples by true class (row) and predicted class (column), in the order of `classNames`. */
  readonly counts: readonly (readonly number[])[];
}

const CELL_PX = 46;
const BARS_PX = 200;
const MARGIN = { top: 72, right: 64, gap: 24 };
/** A character of the class names, on average. */
const CHARACTER_PX = 6.4;
/** For an axis's name beyond its labels. */
const NAME_PX = 44;

/** Where the parts of the chart lie, in pixels. */
interface Places {
  readonly left: number;
  /** The matrix's width and height. */
  readonly side: number;
  readonly bottom: number;
  readonly barsLeft: number;
}

/** A confusion matrix, and beside each row the part of that class which was recognised. @returns the SVG. */
export function confusionChart({ title, subtitle, classNames, counts }: ConfusionFigures): string {
  const places = placesFor(classNames);
  const { left, side, bottom, barsLeft } = places;
  const shares = counts.map((row) => row.map((count) => count / Math.max(1, sum(row))));
  const option: EChartsOption = {
    title: {
      text: title,
      subtext: subtitle,
      left: 16,
      top: 10,
      itemGap: 6,
      textStyle: { fontSize: 15, color: colors.text },
      subtextStyle: { fontSize: 12, color: colors.faint },
    },
    grid: [
      { left, top: MARGIN.top, width: side, height: side },
      { left: barsLeft, top: MARGIN.top, width: BARS_PX, height: side },
    ],
    ...axesOf(classNames, places),
    visualMap: {
      show: false,
      seriesIndex: 0,
      dimension: 3,
      min: 0,
      max: 1,
      inRange: { color: ['#ffffff', '#c6dbef', '#6baed6', '#2171b5', '#08306b'] },
    },
    series: [matrixOf(counts, shares), barsOf(shares)],
  };
  return chartSvg(option, {
    width: barsLeft + BARS_PX + MARGIN.right,
    height: MARGIN.top + side + bottom,
  });
}

function placesFor(classNames: readonly string[]): Places {
  const side = CELL_PX * classNames.length;
  const labelPx = CHARACTER_PX * Math.max(...classNames.map(({ length }) => length));
  const left = labelPx + NAME_PX;
  // The labels below are turned by 45°.
  const bottom = Math.SQRT1_2 * labelPx + NAME_PX;
  return { left, side, bottom, barsLeft: left + side + MARGIN.gap };
}

function axesOf(classNames: readonly string[], { left, bottom }: Places): Pick<EChartsOption, 'xAxis' | 'yAxis'> {
  const label = { color: colors.text, fontSize: 12, interval: 0 };
  const plain = { axisLine: { show: false }, axisTick: { show: false } };
  const classes = { type: 'category' as const, data: [...classNames], ...plain };
  const named = { nameLocation: 'middle', nameTextStyle: { color: colors.text, fontWeight: 'bold' } } as const;
  return {
    xAxis: [
      {
        ...classes,
        ...named,
        gridIndex: 0,
        name: 'predicted',
        nameGap: bottom - 26,
        axisLabel: { ...label, rotate: 45 },
      },
      {
        type: 'value',
        gridIndex: 1,
        min: 0,
        max: 100,
        name: 'recognised, % of the class',
        nameLocation: 'middle',
        nameGap: 28,
        nameTextStyle: { color: colors.text },
        axisLabel: { color: colors.text },
        // The bars say their values.
        splitLine: { show: false },
      },
    ],
    yAxis: [
      {
        ...classes,
        ...named,
        gridIndex: 0,
        inverse: true,
        name: 'true',
        nameRotate: 90,
        nameGap: left - 26,
        axisLabel: label,
      },
      { ...classes, gridIndex: 1, inverse: true, axisLabel: { show: false } },
    ],
  };
}

/** The heat map. @param shares of each row's samples. */
function matrixOf(counts: ConfusionFigures['counts'], shares: ConfusionFigures['counts']): HeatmapSeriesOption {
  return {
    type: 'heatmap',
    xAxisIndex: 0,
    yAxisIndex: 0,
    // The share of the row decides the shade: classes needn't have equally many samples.
    data: counts.flatMap((row, truth) =>
      row.map((count, predicted) => {
        const share = shares[truth]![predicted]!;
        const color = share > DARK_SHARE ? '#fff' : count === 0 ? '#aaa' : colors.text;
        return { value: [predicted, truth, count, share], label: { color } };
      }),
    ),
    encode: { x: 0, y: 1, value: 3 },
    label: { show: true, fontSize: 11, formatter: ({ value }) => String((value as number[])[2]) },
    itemStyle: { borderColor: colors.grid, borderWidth: 1 },
  };
}

/** How much of each class was recognised, in percent. */
function barsOf(shares: ConfusionFigures['counts']): BarSeriesOption {
  return {
    type: 'bar',
    xAxisIndex: 1,
    yAxisIndex: 1,
    barWidth: '60%',
    color: colors.training,
    data: shares.map((row, truth) => 100 * row[truth]!),
    label: {
      show: true,
      position: 'right',
      color: colors.text,
      formatter: ({ value }) => `${(value as number).toFixed(1)} %`,
    },
  };
}

/** From this share on a cell is too dark for dark figures. */
const DARK_SHARE = 0.55;

function sum(row: readonly number[]): number {
  return row.reduce((total, count) => total + count, 0);
}
