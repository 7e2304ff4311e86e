import type { CustomSeriesRenderItemAPI, EChartsOption } from 'echarts';
import { chartSvg, colors } from '@convoy/pictures/chart';
import { machineLine } from './machine.ts';
import type { BenchResult } from './report.ts';
import { spreadOf } from './statistics.ts';

const WIDTH = 960;
const ROW_PX = 34;
const OURS = colors.training;
const OTHERS = '#8a97a6';

/** Median images per second of every contender, with the whole range of the measurements. @returns the SVG. */
export function plot({ contenders, machine, globalBatch, rounds }: BenchResult): string {
  const bars = contenders
    .flatMap(({ name, resources, measured }) => {
      const speed = spreadOf(measured);
      return speed === null ? [] : [{ name, resources, ...speed }];
    })
    .sort((a, b) => a.median - b.median);
  const option: EChartsOption = {
    title: {
      text: `Training the lesson's CNN, global batch ${globalBatch}: images per second`,
      subtext: `Median of ${rounds} rounds, lowest and highest. ${machineLine(machine)}`,
      left: 16,
      top: 10,
      itemGap: 6,
      textStyle: { fontSize: 15, color: colors.text },
      subtextStyle: { fontSize: 12, color: colors.faint },
    },
    grid: { left: 16, right: 60, top: 76, bottom: 16, containLabel: true },
    xAxis: { type: 'value', axisLabel: { color: colors.text }, splitLine: { lineStyle: { color: colors.grid } } },
    yAxis: {
      type: 'category',
      data: bars.map(({ name, resources }) => `${name} (${resources})`),
      axisLabel: { color: colors.text },
    },
    series: [
      {
        type: 'bar',
        data: bars.map(({ name, median }) => ({
          value: Math.round(median),
          itemStyle: { color: /^(convoy|compiled|eager)/.test(name) ? OURS : OTHERS },
        })),
        label: { show: true, position: 'insideLeft', color: '#fff' },
      },
      {
        type: 'custom',
        data: bars.map(({ low, high }, row) => [row, low, high]),
        encode: { x: [1, 2], y: 0 },
        z: 3,
        renderItem: (_params: unknown, api: CustomSeriesRenderItemAPI) => {
          const row = api.value(0);
          const [low, high] = [api.coord([api.value(1), row]), api.coord([api.value(2), row])] as [number[], number[]];
          const shape = { x1: low[0]!, y1: low[1]!, x2: high[0]!, y2: high[1]! };
          return { type: 'line', shape, style: { stroke: colors.text, lineWidth: 1.5 } };
        },
      },
    ],
  };
  return chartSvg(option, { width: WIDTH, height: 110 + ROW_PX * bars.length });
}
