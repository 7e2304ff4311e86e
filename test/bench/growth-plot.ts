import type { EChartsOption } from 'echarts';
import { chartSvg, colors } from '@convoy/pictures/chart';
import type { GrowthResult } from './growth-report.ts';
import { machineLine } from './machine.ts';

const SIZE = { width: 960, height: 460 };
const COLORS = [colors.training, colors.validation, '#2a8f5b', '#8d4fa8'];

/** A step's duration over the number of workers, a line per number of parameters; dashed what the model says. @returns the SVG. */
export function growthPlot({ grid, machine }: GrowthResult): string {
  const sizes = [...new Set(grid.map(({ parameters }) => parameters))];
  const series = sizes.flatMap((parameters, n) => {
    const cells = grid.filter((cell) => cell.parameters === parameters);
    const name = `${parameters / 1e6} M parameters`;
    const common = { type: 'line' as const, color: COLORS[n % COLORS.length]!, symbolSize: 6 };
    const line = (suffix: string, value: (cell: (typeof cells)[number]) => number | null) => ({
      ...common,
      name: `${name}${suffix}`,
      data: cells.map((cell) => [cell.workers, value(cell) ?? '-']),
    });
    return [
      line('', ({ ms }) => ms.median),
      {
        ...line(', predicted', ({ predictedMs }) => predictedMs),
        showSymbol: false,
        lineStyle: { type: 'dashed' as const },
      },
    ];
  });
  const axis = {
    type: 'log' as const,
    nameLocation: 'middle' as const,
    nameTextStyle: { color: colors.text },
    axisLabel: { color: colors.text },
    splitLine: { lineStyle: { color: colors.grid } },
  };
  const option: EChartsOption = {
    title: {
      text: 'A step without computing, milliseconds',
      subtext: machineLine(machine),
      left: 16,
      top: 10,
      itemGap: 6,
      textStyle: { fontSize: 15, color: colors.text },
      subtextStyle: { fontSize: 12, color: colors.faint },
    },
    legend: { left: 16, bottom: 8, textStyle: { color: colors.text } },
    grid: { left: 70, right: 28, top: 76, bottom: 92 },
    xAxis: { ...axis, logBase: 2, name: 'workers', nameGap: 26, splitLine: { show: false } },
    yAxis: { ...axis, name: 'ms', nameGap: 44 },
    series,
  };
  return chartSvg(option, SIZE);
}
