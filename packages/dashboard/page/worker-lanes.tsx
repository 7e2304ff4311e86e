import { useState } from 'preact/hooks';
import type { WorkerStatus } from '@convoy/protocol/run-status';
import { lanesOf, type LaneResult, type Lanes } from '../src/replay/lanes.ts';
import { latenessIn, msText, type SeenStep } from '../src/replay/step-arrivals.ts';
import type { ShownWorker } from '../src/replay/worker-list.ts';
import { whole } from './text.ts';

/** So many steps lie side by side: on a narrow screen fewer. */
const SHOWN_STEPS = { wide: 12, narrow: 6 };
const NARROW = '(max-width: 760px)';

interface WorkerLanesProps {
  readonly steps: readonly SeenStep[];
  readonly workers: readonly ShownWorker[];
}

interface Chosen {
  readonly rank: number;
  readonly result: LaneResult;
}

/** A lane for each worker: when it computed in the last steps, and when each of its results came in. */
export function WorkerLanes({ steps, workers }: WorkerLanesProps) {
  const [wanted, setWanted] = useState<{ readonly rank: number; readonly key: string } | null>(null);
  const isNarrow = matchMedia(NARROW).matches;
  const lanes = lanesOf(steps.slice(isNarrow ? -SHOWN_STEPS.narrow : -SHOWN_STEPS.wide));
  const lateness = new Map(latenessIn(steps).map((each) => [each.rank, each]));
  const chosen = wanted === null ? null : chosenIn(lanes, wanted);
  const at = (ms: number) => `${(100 * ms) / lanes.ms}%`;
  const nameOf = (rank: number) => workers.find((worker) => worker.rank === rank)?.name ?? '';
  const choose = (target: EventTarget | null) => {
    const { rank, key } = (target as HTMLElement).dataset;
    setWanted(rank === undefined || key === undefined ? null : { rank: Number(rank), key });
  };
  return (
    <div
      class="lanes"
      role="group"
      aria-label="Results of the last steps. The arrow keys go from one to another."
      aria-describedby="chosen-result"
      tabIndex={0}
      onPointerOver={({ target }) => choose(target)}
      onPointerLeave={() => setWanted(null)}
      onKeyDown={(event) => {
        const next = neighbour(lanes, chosen, event.key);
        if (next === null) return;
        event.preventDefault();
        setWanted({ rank: next.rank, key: keyOf(next.result) });
      }}
    >
      {lanes.workers.map(({ rank, results }) => {
        const { last = 0 } = lateness.get(rank) ?? {};
        return (
          <div class="lane" key={rank}>
            <span class="who" title={nameOf(rank)}>
              worker {rank}
            </span>
            <div class="track">
              {lanes.steps.slice(1).map(({ step, fromMs }) => (
                <i class="edge" key={step} style={{ left: at(fromMs) }} />
              ))}
              {results.map((result) => (
                <i
                  class={classOf(result, chosen?.result)}
                  key={keyOf(result)}
                  data-rank={rank}
                  data-key={keyOf(result)}
                  style={{ left: at(result.fromMs), width: at(result.atMs - result.fromMs) }}
                />
              ))}
            </div>
            <span class="often">
              last {last} of {steps.length}
            </span>
          </div>
        );
      })}
      <div class="lane scale" aria-hidden="true">
        <span class="who">step</span>
        <div class="track">
          {labelled(lanes, isNarrow ? 0.14 : 0.05).map(({ step, fromMs }) => (
            <span key={step} style={{ left: at(fromMs) }}>
              {step}
            </span>
          ))}
        </div>
        <span class="often" />
      </div>
      <output id="chosen-result" class="chosen" aria-live="polite">
        {chosen === null
          ? 'A bar is the time a worker computed, and its end when the result came in.'
          : wordsOf(chosen)}
      </output>
    </div>
  );
}

/** The steps whose numbers have room: each so far from the one before it, as a share of the width. */
function labelled({ steps, ms }: Lanes, apart: number): Lanes['steps'] {
  let lastMs = -Infinity;
  return steps.filter(({ fromMs }) => {
    if (fromMs - lastMs < apart * ms) return false;
    lastMs = fromMs;
    return true;
  });
}

function keyOf({ step, inStepMs }: LaneResult): string {
  return `${step} ${inStepMs}`;
}

function classOf(result: LaneResult, chosen: LaneResult | undefined): string {
  return `bar${result.isLast ? ' late' : ''}${result === chosen ? ' chosen' : ''}`;
}

function chosenIn(lanes: Lanes, { rank, key }: { readonly rank: number; readonly key: string }): Chosen | null {
  const result = lanes.workers.find((each) => each.rank === rank)?.results.find((each) => keyOf(each) === key);
  return result === undefined ? null : { rank, result };
}

/** The result that an arrow key goes to; from nowhere to the newest. Null for other keys. */
function neighbour({ workers }: Lanes, chosen: Chosen | null, key: string): Chosen | null {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key) || workers.length === 0) return null;
  const lane = Math.max(0, chosen === null ? 0 : workers.findIndex(({ rank }) => rank === chosen.rank));
  const { rank, results } = workers[lane]!;
  if (chosen === null) return { rank, result: results.at(-1)! };
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const place = results.findIndex((each) => keyOf(each) === keyOf(chosen.result)) + (key === 'ArrowLeft' ? -1 : 1);
    return { rank, result: results[Math.min(results.length - 1, Math.max(0, place))]! };
  }
  const other = workers[Math.min(workers.length - 1, Math.max(0, lane + (key === 'ArrowUp' ? -1 : 1)))]!;
  const distance = ({ atMs }: LaneResult) => Math.abs(atMs - chosen.result.atMs);
  const result = other.results.reduce((nearest, each) => (distance(each) < distance(nearest) ? each : nearest));
  return { rank: other.rank, result };
}

function wordsOf({ rank, result }: Chosen): string {
  const { step, inStepMs, computeMs, samples, results, isLast, byMs } = result;
  const what = results === 1 ? 'its result came in' : `the last of its ${results} results came in`;
  return (
    `Worker ${rank}, step ${whole(step)}: ${what} after ${msText(inStepMs)}, computed in ${msText(computeMs)} ` +
    `for ${whole(samples)} samples${isLast ? `; the last one, by ${msText(byMs)}` : ''}.`
  );
}

/** What the workers compute at the moment; nothing of a run that is not live. */
export function RunningLeases({ live }: { readonly live: ReadonlyMap<number, WorkerStatus> }) {
  const workers = [...live.values()];
  // A coordinator of an older version does not say.
  const running = workers.filter(({ lease }) => lease != null);
  if (running.length === 0) return null;
  return (
    <div class="running">
      <h3>Being computed</h3>
      <ul>
        {running.slice(0, 64).map(({ rank, lease }) => {
          const { step, work, block, forMs } = lease!;
          const what = work === 'gradient' ? `step ${whole(step + 1)}` : `evaluation after step ${whole(step)}`;
          return (
            <li key={rank}>
              <b>worker {rank}</b> {what}, {blockText(block.start, block.size, work)}, for {msText(forMs)}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function blockText(start: number, size: number, work: 'gradient' | 'evaluation'): string {
  const unit = work === 'gradient' ? 'micro-batch' : 'piece';
  return size === 1 ? `${unit} ${start}` : `${unit}${unit.endsWith('h') ? 'es' : 's'} ${start} to ${start + size - 1}`;
}
