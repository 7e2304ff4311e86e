import { createRequire } from 'node:module';
import type * as ECharts from 'echarts';
import { FONT_FAMILY } from './png.ts';

const require = createRequire(import.meta.url);
// Its CommonJS build is one file. What `import` would take is hundreds, and a second of every run's end.
const echarts = require('echarts') as typeof ECharts;

export interface ChartSize {
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** Draws a chart without a browser. @returns the SVG. */
export function chartSvg(option: ECharts.EChartsOption, { width, height }: ChartSize): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#fff',
      textStyle: { fontFamily: FONT_FAMILY, color: colors.text },
      ...option,
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** Told apart by every kind of colour blindness, and in grey: blue is the darker one. */
export const colors = {
  training: '#1f5fbf',
  validation: '#e08214',
  /** Single steps, behind the curve that is made of them. */
  steps: '#b9cdea',
  test: '#1b1b1b',
  text: '#222',
  faint: '#666',
  grid: '#e3e6ea',
} as const;
