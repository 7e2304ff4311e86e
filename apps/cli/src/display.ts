import {
  countOf,
  healthText,
  metricText,
  microBatches,
  requestText,
  rollbackText,
  stallText,
} from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import { colorsFor, type Colors } from './colors.ts';
import { LiveLine, PART_SEPARATOR, type Terminal } from './live-line.ts';

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** Without a terminal the progress line becomes a line now and then. */
const PLAIN_PROGRESS_MS = 5_000;
/** Throughput shown is that of about this many milliseconds. */
const RATE_WINDOW_MS = 5_000;

/** Shows a run as it happens: one live line, and a line for each thing that stays true. Writes to one stream, stderr. */
export class Display {
  readonly colors: Colors;
  readonly #stream: Terminal;
  /** Null where there is no terminal, or one that can only print. */
  readonly #live: LiveLine | null;
  #totalSteps = 0;
  #stepsPerEpoch = 0;
  #lastPlainMs = 0;
  #lastStepEvent: StepEvent | null = null;
  #rate = 0;
  #busyShare = 0;
  /** The command that starts a worker, where it is the operator who does. */
  workerCommand: string | null = null;

  constructor(stream: Terminal = process.stderr, others: readonly Terminal[] = [process.stdout]) {
    this.#stream = stream;
    this.colors = colorsFor(stream);
    const isCapable = stream.isTTY === true && process.env['TERM'] !== 'dumb';
    this.#live = isCapable ? new LiveLine(stream, others, this.colors.cyan) : null;
  }

  /** A line that stays. */
  line(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  /** Something that the operator may want to change. */
  warn(text: string): void {
    this.line(this.colors.yellow(`! ${text}`));
  }

  /** What is going on until the next thing does. */
  status(text: string): void {
    if (this.#live === null) this.#plain(text, Date.now());
    else this.#live.set(text);
  }

  readonly download = (received: number, total: number | undefined): void => {
    const of = total === undefined ? '' : ` of ${(total / 1e6).toFixed(0)}`;
    this.status(`downloading CIFAR-10: ${(received / 1e6).toFixed(0)}${of} MB`);
  };

  readonly show = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
        this.#totalSteps = event.totalSteps;
        this.#stepsPerEpoch = event.stepsPerEpoch;
        return this.line(
          `run ${this.colors.bold(event.run)}: ${countOf(event.trainSamples, 'training sample')}, ${event.validationSamples} for validation, ` +
            `${event.testSamples} for the test; ${countOf(event.totalSteps, 'step')}, ${event.stepsPerEpoch} an epoch; ` +
            `${countOf(event.parameterCount, 'parameter')}`,
        );
      case 'run-resumed':
        this.#totalSteps = event.totalSteps;
        this.#stepsPerEpoch = event.stepsPerEpoch;
        return this.line(`run ${this.colors.bold(event.run)} goes on after step ${event.step} of ${event.totalSteps}`);
      case 'worker-joined':
        return this.line(`worker ${event.rank} joined: ${event.name}, ${event.engine}`);
      case 'worker-left':
        return this.warn(`worker ${event.rank} left (${event.reason}); ${countOf(event.workers, 'worker')} now`);
      case 'worker-suspected':
        return this.warn(`worker ${event.rank} is suspect: ${event.reason}`);
      case 'worker-recovered':
        return this.line(`worker ${event.rank} is back`);
      case 'worker-quarantined':
        return this.warn(
          `worker ${event.rank} gets nothing to do for ${(event.forMs / 1000).toFixed(0)} s: ${event.reason}`,
        );
      case 'stalled':
        return this.warn(stallText(event));
      case 'checkpoint-failed':
        return this.warn(event.reason);
      case 'worker-rejected':
        return this.warn(`refused ${event.name}: ${event.reason}`);
      case 'connection-closed':
        return this.warn(`connection from ${event.remote} ended: ${event.reason}`);
      case 'waiting':
        // Said even where only every few seconds a line is written: who waits must know for what.
        this.#lastPlainMs = 0;
        return this.status(
          (event.minWorkers === 1
            ? 'waiting for a worker'
            : `waiting for workers: ${event.workers} of the ${event.minWorkers} that the run needs are ready`) +
            (this.workerCommand === null ? '' : `; start one with: ${this.workerCommand}`),
        );
      case 'released':
        return this.line(
          `  step ${event.step + 1}: ${microBatches(event.block)} are free for another worker (${event.reason})`,
        );
      case 'step':
        return this.#step(event);
      case 'epoch-ended':
        return this.line(
          `epoch ${event.epoch + 1}: loss ${event.loss.toFixed(4)}, ${metricText(event)} in training, ${event.seconds.toFixed(0)} s`,
        );
      case 'evaluated':
        return this.line(
          `  ${event.purpose} after step ${event.step}: loss ${event.loss.toFixed(4)}, ${metricText(event, this.colors.bold)} (${event.seconds.toFixed(1)} s)`,
        );
      case 'learning-rate-reduced':
        return this.line(`  ${event.monitor} does not improve: the learning rate is now ${event.to.toPrecision(3)}`);
      case 'early-stopped':
        return this.line(`stopped early after step ${event.step}: ${event.reason}`);
      case 'best-restored':
        return this.line(
          `  the parameters are those of epoch ${event.bestEpoch + 1} again (${event.monitor} ${event.value.toFixed(4)})`,
        );
      case 'step-retried':
        return this.warn(`step ${event.step + 1} is computed again: ${event.reason}`);
      case 'step-skipped':
        return this.warn(`step ${event.step + 1} was skipped: ${event.reason}`);
      case 'health':
        return event.severity === 'alarm'
          ? this.line(this.colors.red(`✘ ${healthText(event)}`))
          : this.warn(healthText(event));
      case 'health-cleared':
        return this.line(`${event.kind} since step ${event.since}: no longer so at step ${event.step}`);
      case 'operator-request':
        return this.line(requestText(event));
      case 'rolled-back':
        return this.warn(`the run goes back: ${rollbackText(event)}`);
      case 'run-ended':
        this.#live?.stop();
        return;
      case 'log-gap':
      // Whoever is done first computes a copy of what is left: that happens in healthy runs as well.
      case 'leased-again':
      case 'memory':
      case 'predictions':
      case 'sample-image':
      case 'resumed':
      case 'checkpoint-saved':
      case 'result-discarded':
        return;
      default:
        event satisfies never;
    }
  };

  close(): void {
    this.#live?.stop();
  }

  #step(event: StepEvent): void {
    const rate = (1000 * event.samples) / Math.max(event.stepMs, 1);
    const weight = Math.min(1, event.stepMs / RATE_WINDOW_MS);
    const isFirst = this.#lastStepEvent === null;
    this.#rate = isFirst ? rate : this.#rate + (rate - this.#rate) * weight;
    this.#busyShare = isFirst ? event.busyShare : this.#busyShare + (event.busyShare - this.#busyShare) * weight;
    this.#lastStepEvent = event;
    const epochs = Math.ceil(this.#totalSteps / this.#stepsPerEpoch);
    const secondsLeft = ((this.#totalSteps - event.step) * event.samples) / this.#rate;
    // What matters most comes first: a narrow terminal has no room for the rest.
    const text = [
      `step ${event.step}/${this.#totalSteps}`,
      `epoch ${event.epoch + 1}/${epochs}`,
      `loss ${event.loss.toFixed(4)}`,
      metricText(event),
      `${duration(secondsLeft)} left`,
      `${this.#rate.toFixed(0)} samples/s`,
      `${countOf(event.workers, 'worker')} ${(100 * this.#busyShare).toFixed(0)} % busy`,
    ].join(PART_SEPARATOR);
    if (this.#live !== null) this.#live.set(text);
    else if (event.step < this.#totalSteps) this.#plain(text, event.at);
  }

  #plain(text: string, nowMs: number): void {
    if (nowMs - this.#lastPlainMs < PLAIN_PROGRESS_MS) return;
    this.#lastPlainMs = nowMs;
    this.line(`  ${text}`);
  }
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [minutes, rest] = [Math.floor(whole / 60), String(whole % 60).padStart(2, '0')];
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}
