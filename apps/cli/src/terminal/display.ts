import { durationText, megabytes, TimeLeft } from '@convoy/infra/progress-bar';
import type { RunEvent } from '@convoy/protocol/run-events';
import { colorsFor, type Colors } from '../colors.ts';
import { eventLine } from './event-line.ts';
import { LiveView, type Room, type Terminal } from './live-view.ts';
import { PlainPace } from './plain-pace.ts';
import { progressLine } from './progress-line.ts';
import { RunView, type RunNow } from './run-view.ts';

export interface DisplayOptions {
  /** Only warnings, errors and how it ended. */
  readonly quiet?: boolean;
  readonly stream?: Terminal;
  /** Streams that may be the same terminal. */
  readonly others?: readonly Terminal[];
}

/** Something that goes on before or beside a run: a download, an evaluation. */
export interface Doing {
  /** `downloading CIFAR-10` */
  readonly label: string;
  readonly done: number;
  /** Undefined where nobody knows. */
  readonly total: number | undefined;
  /** What is counted. */
  readonly unit: 'bytes' | 'pieces';
}

/**
 * Shows what a command does, on one stream: stderr. Each thing that stays true has a line. What changes is a live view at the
 * bottom of a terminal, and elsewhere a line now and then.
 */
export class Display {
  readonly colors: Colors;
  readonly #stream: Terminal;
  readonly #quiet: boolean;
  /** Null where there is no terminal, or one that can only print. */
  readonly #live: LiveView | null;
  readonly #pace = new PlainPace();
  readonly #run = new RunView();
  readonly #timeLeft = new TimeLeft();
  /** What is told instead of the run's own progress. */
  #headline: ((room: Room) => string) | null = null;
  /** The command that starts a worker, where it is the operator who does. */
  workerCommand: string | null = null;

  constructor({ quiet = false, stream = process.stderr, others = [process.stdout] }: DisplayOptions = {}) {
    this.#stream = stream;
    this.#quiet = quiet;
    this.colors = colorsFor(stream);
    const isCapable = !quiet && stream.isTTY === true && process.env['TERM'] !== 'dumb';
    this.#live = isCapable ? new LiveView(stream, others, this.colors.cyan) : null;
  }

  /** Whether it shows what goes on in a live view. */
  get hasView(): boolean {
    return this.#live !== null;
  }

  /** A line that stays. */
  line(text: string): void {
    if (!this.#quiet) this.result(text);
  }

  /** Something that the operator may want to change. */
  warn(text: string): void {
    this.result(this.colors.yellow(`! ${text}`));
  }

  /** How it ended: told to those as well who want to hear nothing else. */
  result(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  /** What is going on until the next thing does. */
  status(text: string): void {
    this.#show(() => text);
    if (this.#live === null && this.#pace.isDue(Date.now())) this.line(`  ${text}`);
  }

  /** How far something is that is done before, or beside, a run. */
  progress({ label, done, total, unit }: Doing): void {
    const secondsLeft = total === undefined ? null : this.#timeLeft.note(done, total, performance.now());
    const amount = unit === 'bytes' ? megabytes(done, total) : '';
    const fraction = total ? done / total : 0;
    this.#show(({ columns }) =>
      total === undefined
        ? `${label}: ${amount}`
        : progressLine({ label, fraction, secondsLeft, detail: amount }, columns, this.colors),
    );
    // An evaluation has a line when it is done.
    if (this.#live !== null || unit === 'pieces' || !this.#pace.isDue(Date.now())) return;
    const rest = secondsLeft === null ? '' : `, ${durationText(secondsLeft)} left`;
    this.line(`  ${label}: ${amount}${rest}`);
  }

  readonly download = (done: number, total: number | undefined): void =>
    this.progress({ label: 'downloading CIFAR-10', done, total, unit: 'bytes' });

  /** Shows how the run stands at each moment, beside what its events tell. */
  watch(now: RunNow): void {
    this.#run.watch(now);
  }

  readonly show = (event: RunEvent): void => {
    this.#run.see(event);
    this.#print(event);
    switch (event.type) {
      case 'waiting':
        return this.#waiting(event);
      case 'paused':
        return this.#show(() => `paused after step ${event.step}: convoy unpause lets the run go on`);
      case 'resumed':
        return this.#show(null);
      case 'step':
        this.#show(null);
        if (this.#live === null && this.#pace.isStepDue(event.at)) this.line(`  ${this.#run.figures()}`);
        return;
      case 'run-ended':
        return this.close();
    }
  };

  close(): void {
    this.#live?.stop();
  }

  #print(event: RunEvent): void {
    const told = eventLine(event, this.colors);
    if (told === null) return;
    if (told.kind === 'warning') this.warn(told.text);
    else if (told.kind === 'alarm') this.result(this.colors.red(`✘ ${told.text}`));
    else this.line(told.text);
  }

  #waiting({ workers, minWorkers }: Extract<RunEvent, { type: 'waiting' }>): void {
    const text =
      minWorkers === 1
        ? 'waiting for a worker'
        : `waiting for workers: ${workers} of the ${minWorkers} that the run needs are ready`;
    this.#show(() => text);
    if (this.#live !== null) return;
    // Said even where only now and then a line is written: who waits must know for what.
    this.#pace.isDue(Date.now());
    this.line(`  ${text}${this.workerCommand === null ? '' : `; start one with: ${this.workerCommand}`}`);
  }

  #show(headline: ((room: Room) => string) | null): void {
    this.#headline = headline;
    this.#live?.show((room) => this.#run.lines(room, this.colors, this.#headline?.(room) ?? null, performance.now()));
  }
}
