import * as echarts from 'echarts';
import type { BenchResult } from './report.ts';
import { median } from './statistics.ts';

const ROW_PX = 34;

/** Median images per second of every contender as an SVG, with the whole range of the measurements. */
export function plot({ contenders, machine, globalBatch }: BenchResult): string {
  const sorted = contenders.toSorted((a, b) => median(a.measured) - median(b.measured));
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: 860,
    height: 120 + ROW_PX * sorted.length,
  });
  chart.setOption({
    animation: false,
    title: {
      text: `Training the lesson's CNN, global batch ${globalBatch}: images per second`,
      subtext: `${machine.processor}, ${machine.cores} cores, commit ${machine.commit}, ${machine.date}`,
    },
    grid: { left: 12, right: 60, top: 70, bottom: 20, containLabel: true },
    xAxis: { type: 'value' },
    yAxis: { type: 'category', data: sorted.map(({ name, resources }) => `${name} (${resources})`) },
    series: [
      {
        type: 'bar',
        data: sorted.map(({ name, measured }) => ({
          value: Math.round(median(measured)),
          itemStyle: { color: name.startsWith('convoy') ? '#2f6fde' : '#a9b4c2' },
        })),
        label: { show: true, position: 'insideLeft', color: '#fff' },
      },
      {
        type: 'custom',
        data: sorted.map(({ measured }, row) => [row, Math.min(...measured), Math.max(...measured)]),
        encode: { x: [1, 2], y: 0 },
        z: 3,
        renderItem: (_params: unknown, api: echarts.CustomSeriesRenderItemAPI) => {
          const row = api.value(0);
          const [low, high] = [api.coord([api.value(1), row]), api.coord([api.value(2), row])] as [number[], number[]];
          const style = { stroke: '#333', lineWidth: 1.5 };
          return { type: 'line', shape: { x1: low[0]!, y1: low[1]!, x2: high[0]!, y2: high[1]! }, style };
        },
      },
    ],
  } as echarts.EChartsOption);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
