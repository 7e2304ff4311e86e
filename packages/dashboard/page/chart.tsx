import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot, { type AlignedData } from 'uplot';
import { inSomeFrame } from './frames.ts';
import { whole } from './text.ts';

export interface Line {
  readonly label: string;
  /** A custom property of the style sheet. */
  readonly color: `--${string}`;
  /** The least and greatest are the edges of one area: first the least, then the greatest. Areas lie on one another, the first at the bottom. */
  readonly look: 'faint' | 'strong' | 'dashed' | 'points' | 'least' | 'greatest' | 'area';
  /** Whether others are to be looked at. */
  readonly isDimmed?: boolean;
}

export interface Drawing {
  /** Where the lines have figures: steps, or what `placeName` says. */
  readonly places: readonly number[];
  /** A figure for each place, line by line. */
  readonly values: readonly (readonly (number | null)[])[];
  /** In words, for who does not see it. */
  readonly summary: string;
}

export interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Computed when it is drawn. Another function is another drawing. */
  readonly draw: () => Drawing;
  /** The first and the last place shown. */
  readonly range: readonly [number, number];
  readonly isLog?: boolean;
  readonly isTall?: boolean;
  readonly placeName?: string;
  readonly format: (value: number) => string;
  /** Of the vertical axis, where that is another. */
  readonly axisFormat?: (value: number) => string;
  /** Of the horizontal axis, where that has not whole numbers. */
  readonly placeFormat?: (place: number) => string;
  /** Told which places somebody wants to see; null for all. */
  readonly onZoom: (range: readonly [number, number] | null) => void;
  /** Told the figures under the crosshair, or the last ones, line by line; then there is no legend. */
  readonly onFigures?: (values: readonly (number | null)[], isUnderCrosshair: boolean) => void;
  /** Changes with the colours. */
  readonly theme: string;
}

type Pair = [number, number];

const HEIGHT = { tall: 260, low: 150 };
/** Of a line that has a point at each figure. */
const MOST_POINTS = 100;

const NOTHING: Drawing = { places: [], values: [], summary: '' };

/** Lines over steps, with a legend that says what is under the crosshair, or last. */
export function Chart(props: ChartProps) {
  const { title, lines, draw, isTall = false, isLog = false, theme, placeName = 'step', onFigures } = props;
  const place = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef<Drawn>({ ...props, drawing: NOTHING });
  latest.current = { ...props, drawing: latest.current.drawing };
  const height = isTall ? HEIGHT.tall : HEIGHT.low;
  const looks = lines.map(({ label, color, look }) => `${label} ${color} ${look}`).join();
  const dimmed = lines.map(({ isDimmed = false }) => Number(isDimmed)).join('');

  useLayoutEffect(() => {
    const element = place.current!;
    const empty: AlignedData = [[], ...latest.current.lines.map(() => [])];
    latest.current.drawing = NOTHING;
    const made = new uPlot(optionsOf(latest, element.clientWidth, height, legend), empty, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, isLog, looks, height, placeName]);

  // The same function each time: a chart that waits for its frame keeps its place.
  const { current: drawNow } = useRef(() => {
    const { current } = plot;
    if (current === null) return;
    const drawn = latest.current;
    drawn.drawing = drawn.draw();
    const { places, values, summary } = drawn.drawing;
    for (const [index, { isDimmed = false }] of drawn.lines.entries()) {
      current.series[index + 1]!.alpha = isDimmed ? 0.15 : 1;
    }
    current.setData([places as number[], ...stacked(drawn.lines, values)]);
    place.current!.setAttribute('aria-label', `${drawn.title}: ${summary}`);
  });
  useEffect(() => inSomeFrame(drawNow), [draw, title, theme, isLog, looks, dimmed, height, placeName]);

  return (
    <section class={isTall ? 'card chart tall' : 'card chart'}>
      <header>
        <h2>{title}</h2>
        {onFigures === undefined && (
          <div class="legend" ref={legend}>
            {lines
              .filter(({ look }) => look === 'strong' || look === 'area' || (isTall && !isEdge(look)))
              .map(({ label, color, look }) => (
                <span key={label}>
                  <i class={look} style={{ '--line': `var(${color})` }} />
                  {label} <b data-label={label}>–</b>
                </span>
              ))}
          </div>
        )}
      </header>
      <div role="img" aria-label={title} ref={place} style={{ height: `${height}px` }} />
    </section>
  );
}

/** What is wanted, and what was drawn. */
interface Drawn extends ChartProps {
  drawing: Drawing;
}

function isEdge(look: Line['look']): boolean {
  return look === 'least' || look === 'greatest';
}

/** Areas on one another. */
function stacked(lines: readonly Line[], values: Drawing['values']): (number | null)[][] {
  const below: number[] = [];
  return values.map((each, index) =>
    lines[index]!.look === 'area'
      ? each.map((value, i) => (value === null ? null : (below[i] = (below[i] ?? 0) + value)))
      : (each as (number | null)[]),
  );
}

function optionsOf(
  latest: { readonly current: Drawn },
  width: number,
  height: number,
  legend: { readonly current: HTMLDivElement | null },
): uPlot.Options {
  const { lines, isLog = false, isTall = false, axisFormat, placeName = 'step' } = latest.current;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--grid'), width: 1, size: 4 },
  };
  const tell = (plot: uPlot) => showFigures(plot, latest.current, legend.current);
  return {
    width,
    height,
    legend: { show: false },
    padding: [10, 20, 0, 0],
    cursor: {
      // One crosshair over all charts.
      sync: { key: placeName },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      bind: {
        dblclick: () => () => {
          latest.current.onZoom(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: false, range: () => [...latest.current.range] },
      y: { distr: isLog ? 3 : 1, range: isLog ? wholeDecades : aroundFigures },
    },
    axes: [
      {
        ...axis,
        ...(isTall ? { label: placeName, labelSize: 14, labelGap: 0, labelFont: '11px system-ui, sans-serif' } : {}),
        size: 28,
        space: 60,
        values: (_, ticks) => ticks.map(latest.current.placeFormat ?? wholePlace),
      },
      {
        ...axis,
        size: 52,
        space: 32,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : (axisFormat ?? axisText)(tick))),
      },
    ],
    series: [{}, ...lines.map((line, index) => seriesOf(line, color(line.color), index === 0))],
    bands: lines.flatMap(({ look, color: name }, index) =>
      look === 'least'
        ? [{ series: [index + 2, index + 1] as Pair, fill: `${color(name)}26` }]
        : look === 'area' && index > 0
          ? [{ series: [index + 1, index] as Pair, fill: `${color(name)}8c` }]
          : [],
    ),
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide > 2) latest.current.onZoom([plot.posToVal(left, 'x'), plot.posToVal(left + wide, 'x')]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [tell],
      setData: [tell],
      ready: [tell],
    },
  };
}

function seriesOf({ look, label }: Line, stroke: string, isFirst: boolean): uPlot.Series {
  const base = { label, stroke, spanGaps: true };
  switch (look) {
    case 'faint':
      return { ...base, stroke: `${stroke}59`, width: 1, points: { show: false } };
    case 'strong':
      return { ...base, width: 2, points: { show: false } };
    case 'dashed':
      return { ...base, width: 2, dash: [7, 4], points: { show: false } };
    case 'points':
      return { ...base, width: 1.5, dash: [2, 4], points: { show: areFew, size: 6, fill: stroke, width: 0 } };
    case 'area':
      return { ...base, width: 1, points: { show: false }, ...(isFirst ? { fill: `${stroke}8c` } : {}) };
    case 'least':
    case 'greatest':
      return { ...base, stroke: 'transparent', width: 0, points: { show: false } };
  }
}

/** More points would touch one another, and drawing them takes long: the line between them is enough. */
function areFew(plot: uPlot, index: number): boolean {
  let count = 0;
  for (const value of plot.data[index]!) if (value !== null && ++count > MOST_POINTS) return false;
  return true;
}

/** On a log scale. */
function wholeDecades(_: uPlot, least: number | null, most: number | null): [number, number] {
  if (least === null || most === null || least <= 0) return [0.1, 10];
  return [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(most) + 1e-9)];
}

/** From the least figure to the greatest, with some room. */
function aroundFigures(_: uPlot, least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, 1];
  if (least === most) return least === 0 ? [0, 1] : [least - Math.abs(least) / 10, most + Math.abs(most) / 10];
  const room = (most - least) / 20;
  return [least >= 0 && least < room ? 0 : least - room, most + room];
}

function wholePlace(tick: number): string {
  return Number.isInteger(tick) ? whole(tick) : '';
}

function axisText(tick: number): string {
  if (tick === 0) return '0';
  const size = Math.abs(tick);
  if (size >= 1e6 || size < 1e-3) return Number(tick.toPrecision(3)).toExponential().replace('e+', 'e');
  return size >= 1e4 ? `${+(tick / 1e3).toPrecision(3)}k` : `${+tick.toPrecision(4)}`;
}

/** Tells what is under the crosshair, or the last there is. */
function showFigures(plot: uPlot, drawn: Drawn, legend: HTMLDivElement | null): void {
  const { lines, drawing, format, onFigures } = drawn;
  const { idx } = plot.cursor;
  const figures = drawing.values.map((values) => lastUpTo(values, idx ?? values.length - 1));
  if (onFigures !== undefined) return onFigures(figures, idx != null);
  for (const place of legend?.querySelectorAll<HTMLElement>('b') ?? []) {
    const value = figures[lines.findIndex(({ label }) => label === place.dataset['label'])] ?? null;
    place.textContent = value === null ? '–' : format(value);
  }
}

function lastUpTo(values: readonly (number | null)[], index: number): number | null {
  for (let i = Math.min(index, values.length - 1); i >= 0; i--) if (values[i] != null) return values[i]!;
  return null;
}
