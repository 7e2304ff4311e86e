import { countOf, metricText } from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import type { TaskProgress, WorkerStatus } from '@convoy/protocol/run-status';
import { durationText, TimeLeft } from '@convoy/infra/progress-bar';
import type { Colors } from '../colors.ts';
import { cut, flow, PART_SEPARATOR } from './columns.ts';
import type { Room } from './live-view.ts';
import { progressLine } from './progress-line.ts';
import { shownWorker, workerLines, type ShownWorker } from './worker-lines.ts';

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** What its coordinator, in this process, knows of a run at this moment, beside what its events have told. */
export interface RunNow {
  readonly progress: () => TaskProgress | null;
  readonly status: () => { readonly workers: readonly WorkerStatus[] };
}

/** Throughput shown is that of about this many milliseconds. */
const RATE_WINDOW_MS = 5_000;
/** Who has left is shown for so long. */
const GONE_MS = 30_000;
/** Workers change between computing and waiting many times a second: nobody could read that. */
const WORKERS_EVERY_MS = 500;
/** Fewer rows than these have one line for the figures. */
const ROWS_FOR_TWO_LINES = 16;

/** A run as its events and its coordinator tell it, in lines for a live view or for a log. */
export class RunView {
  #now: RunNow | null = null;
  #totalSteps = 0;
  #stepsPerEpoch = 1;
  #last: StepEvent | null = null;
  #samplesPerSecond = 0;
  #busyShare = 0;
  #validation: string | null = null;
  readonly #evaluationLeft = new TimeLeft();
  /** By their ids, those who take part and those who have just left. */
  readonly #joined = new Map<string, Pick<ShownWorker, 'rank' | 'name' | 'engine'>>();
  /** Results that counted, by rank. */
  readonly #leasesDone = new Map<number, number>();
  readonly #gone = new Map<number, { readonly worker: ShownWorker; readonly at: number }>();
  #workers: { readonly ms: number; readonly shown: readonly ShownWorker[] } = { ms: -Infinity, shown: [] };

  /** @param now asked at each frame from now on. */
  watch(now: RunNow): void {
    this.#now = now;
  }

  see(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
      case 'run-resumed':
        this.#totalSteps = event.totalSteps;
        this.#stepsPerEpoch = event.stepsPerEpoch;
        this.#last = null;
        this.#joined.clear();
        return;
      case 'worker-joined': {
        const { workerId, rank, name, engine } = event;
        this.#joined.set(workerId, { rank, name, engine });
        this.#gone.delete(rank);
        return;
      }
      case 'worker-left': {
        const worker = this.#joined.get(event.workerId);
        this.#joined.delete(event.workerId);
        if (worker === undefined) return;
        const leasesDone = this.#leasesDone.get(event.rank) ?? 0;
        this.#gone.set(event.rank, {
          worker: { ...worker, state: 'gone', samplesPerSecond: null, leasesDone },
          at: event.at,
        });
        return;
      }
      case 'evaluated':
        if (event.purpose === 'validation') this.#validation = `validation ${metricText(event)}`;
        return;
      case 'step':
        return this.#step(event);
    }
  }

  /** The figures of the last step in one line of text; null before it. */
  figures(): string | null {
    if (this.#last === null) return null;
    const { step, epoch, workers } = this.#last;
    return [
      `step ${step}/${this.#totalSteps}`,
      `epoch ${this.#epochText(epoch)}`,
      ...this.#learnt(this.#last),
      ...this.#timeLeft(step),
      this.#rateText(),
      `${countOf(workers, 'worker')} ${(100 * this.#busyShare).toFixed(0)} % busy`,
    ].join(PART_SEPARATOR);
  }

  /** What is done at this moment, the figures of the last step, and the workers. @param headline in place of the first of these. */
  lines({ columns, rows }: Room, colors: Colors, headline: string | null, ms: number): readonly string[] {
    const first = headline === null ? this.#taskLine(columns, colors, ms) : cut(headline, columns);
    const figures =
      this.#last === null ? [] : flow(this.#parts(this.#last), columns, rows < ROWS_FOR_TWO_LINES ? 1 : 2);
    const top = [first, ...figures];
    // Half of the screen is for what happens.
    return [...top, ...workerLines(this.#shownWorkers(ms), columns, Math.floor(rows / 2) - top.length, colors)];
  }

  #step(event: StepEvent): void {
    const rate = (1000 * event.samples) / Math.max(event.stepMs, 1);
    const weight = this.#last === null ? 1 : Math.min(1, event.stepMs / RATE_WINDOW_MS);
    this.#samplesPerSecond += (rate - this.#samplesPerSecond) * weight;
    this.#busyShare += (event.busyShare - this.#busyShare) * weight;
    this.#last = event;
    for (const [rank, , , , results = 1] of event.timing?.arrivals ?? [])
      this.#leasesDone.set(rank, (this.#leasesDone.get(rank) ?? 0) + results);
  }

  /** What matters most comes first: a narrow terminal has no room for the rest. */
  #parts(event: StepEvent): readonly string[] {
    return [
      `step ${event.step}/${this.#totalSteps}`,
      ...this.#learnt(event),
      // The bar has the time of the only epoch.
      ...(this.#epochs > 1 ? this.#timeLeft(event.step) : []),
      this.#rateText(),
      ...(this.#validation === null ? [] : [this.#validation]),
    ];
  }

  #learnt(event: StepEvent): readonly string[] {
    return [`loss ${event.loss.toFixed(4)}`, metricText(event)];
  }

  #timeLeft(step: number): readonly string[] {
    const stepsLeft = this.#totalSteps - step;
    return stepsLeft > 0 ? [`${durationText(this.#secondsFor(stepsLeft))} left`] : [];
  }

  #rateText(): string {
    return `${this.#samplesPerSecond.toFixed(0)} samples/s`;
  }

  #secondsFor(steps: number): number {
    return (steps * (this.#last?.samples ?? 0)) / Math.max(this.#samplesPerSecond, 1e-9);
  }

  #epochText(epoch: number): string {
    return `${epoch + 1}/${this.#epochs}`;
  }

  get #epochs(): number {
    return Math.ceil(this.#totalSteps / this.#stepsPerEpoch);
  }

  #taskLine(columns: number, colors: Colors, ms: number): string {
    const task = this.#now?.progress() ?? null;
    if (task === null) return cut(this.figures() ?? '', columns);
    const { work, step, done, leaves } = task;
    const ofTask = leaves === 0 ? 1 : done / leaves;
    if (work !== 'gradient') {
      const secondsLeft = this.#evaluationLeft.note(done, leaves, ms);
      return progressLine({ label: work, fraction: ofTask, secondsLeft }, columns, colors);
    }
    const epoch = Math.min(Math.floor(step / this.#stepsPerEpoch), this.#epochs - 1);
    const start = epoch * this.#stepsPerEpoch;
    const end = Math.min(start + this.#stepsPerEpoch, this.#totalSteps);
    const fraction = Math.min(1, (step - start + ofTask) / Math.max(1, end - start));
    const secondsLeft = this.#last === null ? null : this.#secondsFor((1 - fraction) * (end - start));
    return progressLine({ label: `epoch ${this.#epochText(epoch)}`, fraction, secondsLeft }, columns, colors);
  }

  #shownWorkers(ms: number): readonly ShownWorker[] {
    if (ms - this.#workers.ms < WORKERS_EVERY_MS) return this.#workers.shown;
    const here =
      this.#now?.status().workers.map((worker) => shownWorker(worker, this.#leasesDone.get(worker.rank) ?? 0)) ?? [];
    for (const [rank, { at }] of this.#gone) if (Date.now() - at > GONE_MS) this.#gone.delete(rank);
    const gone = [...this.#gone.values()].map(({ worker }) => worker);
    this.#workers = { ms, shown: [...here, ...gone] };
    return this.#workers.shown;
  }
}
