import type { WorkerStatus } from '@convoy/protocol/run-status';
import { curveOf } from '../src/replay/curve.ts';
import type { Replay } from '../src/replay/replay.ts';
import type { StepQuantity } from '../src/replay/series.ts';
import { lateInWords, msText } from '../src/replay/step-arrivals.ts';
import { Chart, type ChartProps, type Line } from './chart.tsx';
import { RunningLeases, WorkerLanes } from './worker-lanes.tsx';
import { size } from './text.ts';

interface StepTimeProps extends Pick<ChartProps, 'range' | 'onZoom' | 'theme'> {
  readonly replay: Replay;
  readonly live: ReadonlyMap<number, WorkerStatus>;
}

const BUCKETS = 300;
const PARTS: readonly Line[] = [
  { label: 'computing', color: '--blue', look: 'area' },
  { label: 'waiting for the last worker', color: '--orange', look: 'area' },
  { label: 'the server', color: '--violet', look: 'area' },
];
const DIRECTIONS: readonly Line[] = [
  { label: 'from workers', color: '--teal', look: 'strong' },
  { label: 'to workers', color: '--violet', look: 'strong' },
];

/** Where the steps' time goes, what crosses the wire, and who was late. */
export function StepTime({ replay, live, ...common }: StepTimeProps) {
  const { series, arrivals } = replay;
  if (series.length === 0) return null;
  const [from, to] = common.range;
  const means = (quantities: readonly StepQuantity[]) => {
    const curves = quantities.map((quantity) => curveOf(series, quantity, { from, to, count: BUCKETS, smoothing: 0 }));
    return { places: curves[0]!.steps, values: curves.map(({ mean }) => mean) };
  };
  const { recent } = arrivals;
  return (
    <div class="step-time">
      <div class={recent.length > 0 ? 'charts two' : 'charts'}>
        {/* A run of an older version tells no times. */}
        {recent.length > 0 && (
          <Chart
            {...common}
            title="Where a step's time goes"
            lines={PARTS}
            draw={() => ({ ...means(['computingMs', 'waitingMs', 'serverMs']), summary: shareInWords(replay) })}
            format={msText}
            axisFormat={(ms) => (ms === 0 ? '0' : msText(ms))}
          />
        )}
        <Chart
          {...common}
          title="Bytes a step"
          lines={DIRECTIONS}
          draw={() => {
            const drawing = means(['bytesReceived', 'bytesSent']);
            const [received, sent] = drawing.values.map((each) => size(each.at(-1) ?? null));
            return { ...drawing, summary: `${received} from the workers, ${sent} to them at the last step` };
          }}
          format={size}
          axisFormat={size}
        />
      </div>
      {recent.length > 0 && (
        <section class="card" aria-label="Who is late">
          <header>
            <h2>Who is late</h2>
            <span class="count">{lateInWords(recent)}</span>
          </header>
          <WorkerLanes steps={recent} workers={replay.workers.all} />
          <RunningLeases live={live} />
        </section>
      )}
    </div>
  );
}

/** Of the last steps, for who does not see the chart. */
function shareInWords({ arrivals, series }: Replay): string {
  const count = arrivals.recent.length;
  const total = (quantity: StepQuantity) =>
    series
      .values(quantity)
      .slice(-count)
      .reduce((sum, ms) => sum + ms, 0);
  const [computing, waiting, server] = [total('computingMs'), total('waitingMs'), total('serverMs')];
  const share = (ms: number) => `${((100 * ms) / (computing + waiting + server)).toFixed(0)} %`;
  return `of the last ${count} steps' time, ${share(computing)} was computing, ${share(waiting)} waiting for the last worker, ${share(server)} the server's turn`;
}
