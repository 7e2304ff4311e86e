import ora, { type Ora } from 'ora';
import colors from 'picocolors';
import type { RunEvent } from '@convoy/protocol/run-events';

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** Without a terminal the progress line becomes a line now and then. */
const PLAIN_PROGRESS_MS = 5_000;
/** Throughput shown is that of about this many milliseconds. */
const RATE_WINDOW_MS = 5_000;

/** Shows a run as it happens: one live line, and a line for each thing that stays true. Writes to stderr only. */
export class Display {
  readonly #spinner: Ora;
  readonly #isTerminal: boolean;
  #totalSteps = 0;
  #stepsPerEpoch = 0;
  #lastPlainMs = 0;
  #lastStepEvent: StepEvent | null = null;
  #rate = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#isTerminal = stream.isTTY === true;
    this.#spinner = ora({ stream, discardStdin: false, isEnabled: this.#isTerminal, hideCursor: true });
  }

  /** A line that stays. */
  line(text: string): void {
    this.#spinner.clear();
    process.stderr.write(`${text}\n`);
    this.#spinner.render();
  }

  warn(text: string): void {
    this.line(colors.yellow(`! ${text}`));
  }

  /** What is going on until the next thing does. */
  status(text: string): void {
    if (!this.#isTerminal) return this.#plain(text, Date.now());
    this.#spinner.text = text;
    if (!this.#spinner.isSpinning) this.#spinner.start();
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
          `run ${colors.bold(event.run)}: ${count(event.trainSamples, 'training sample')}, ${event.validationSamples} for validation, ` +
            `${event.testSamples} for the test; ${count(event.totalSteps, 'step')}, ${event.stepsPerEpoch} an epoch; ` +
            `${event.parameterCount.toLocaleString('en-US')} parameters`,
        );
      case 'worker-joined':
        return this.line(`worker ${event.rank} joined: ${event.name}, ${event.engine}`);
      case 'worker-left':
        return this.warn(`worker ${event.rank} left (${event.reason}); ${count(event.workers, 'worker')} now`);
      case 'worker-rejected':
        return this.warn(`refused ${event.name}: ${event.reason}`);
      case 'connection-closed':
        return this.warn(`connection from ${event.remote} ended: ${event.reason}`);
      case 'waiting':
        return this.status(`waiting for workers: ${event.workers} of ${event.minWorkers} are here`);
      case 'released':
        return this.line(
          `  step ${event.step + 1}: micro-batches ${event.block.start}–${event.block.start + event.block.size - 1} go to another worker`,
        );
      case 'step':
        return this.#step(event);
      case 'epoch-ended':
        return this.line(
          `epoch ${event.epoch + 1}: loss ${event.loss.toFixed(4)}, accuracy ${percent(event.accuracy)} in training, ${event.seconds.toFixed(0)} s`,
        );
      case 'evaluated':
        return this.line(
          `  ${event.purpose} after step ${event.step}: loss ${event.loss.toFixed(4)}, accuracy ${colors.bold(percent(event.accuracy))} (${event.seconds.toFixed(1)} s)`,
        );
      case 'step-retried':
        return this.warn(`step ${event.step + 1} is computed again: ${event.reason}`);
      case 'step-skipped':
        return this.warn(`step ${event.step + 1} was skipped: ${event.reason}`);
      case 'run-ended':
        this.#spinner.stop();
        return;
      case 'listening':
      case 'memory':
      case 'resumed':
      case 'result-discarded':
        return;
      default:
        event satisfies never;
    }
  };

  close(): void {
    this.#spinner.stop();
  }

  #step(event: StepEvent): void {
    const rate = (1000 * event.samples) / Math.max(event.stepMs, 1);
    const weight = Math.min(1, event.stepMs / RATE_WINDOW_MS);
    this.#rate = this.#lastStepEvent === null ? rate : this.#rate + (rate - this.#rate) * weight;
    this.#lastStepEvent = event;
    const epochs = Math.ceil(this.#totalSteps / this.#stepsPerEpoch);
    const secondsLeft = ((this.#totalSteps - event.step) * event.samples) / this.#rate;
    const text =
      `step ${event.step}/${this.#totalSteps} · epoch ${event.epoch + 1}/${epochs} · loss ${event.loss.toFixed(4)} · ` +
      `accuracy ${percent(event.accuracy)} · ${this.#rate.toFixed(0)} images/s · ${count(event.workers, 'worker')} · ${duration(secondsLeft)} left`;
    if (this.#isTerminal) this.status(text);
    else if (event.step < this.#totalSteps) this.#plain(text, event.at);
  }

  #plain(text: string, nowMs: number): void {
    if (nowMs - this.#lastPlainMs < PLAIN_PROGRESS_MS) return;
    this.#lastPlainMs = nowMs;
    process.stderr.write(`  ${text}\n`);
  }
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [minutes, rest] = [Math.floor(whole / 60), String(whole % 60).padStart(2, '0')];
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}
