import { readMetric, type MetricFigure, type MetricName } from '@convoy/protocol/metric';
import type { HealthFinding, HealthKind, RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { LayerList } from './layers.ts';
import { PredictionList } from './predictions.ts';
import { StepSeries } from './series.ts';
import { turnOf, type RunTurn } from './turns.ts';
import { StepArrivals } from './step-arrivals.ts';
import { wordsOf, type Kind } from './words.ts';
import { WorkerList } from './worker-list.ts';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { readonly type: Type }>;

/** What the run does. */
export type RunState =
  | { readonly name: 'opening' | 'training' }
  | { readonly name: 'waiting'; readonly workers: number; readonly minWorkers: number }
  | { readonly name: 'stalled'; readonly why: string }
  | { readonly name: 'evaluating'; readonly purpose: 'validation' | 'test'; readonly samples: number }
  | { readonly name: 'paused'; readonly at: number }
  | { readonly name: 'going-back'; readonly toStep: number }
  | { readonly name: 'ended'; readonly outcome: RunSummary['outcome']; readonly reason: string };

/** Means over samples after a step; NaN where they were not finite. */
export interface Measured {
  readonly step: number;
  readonly epoch: number;
  /** As of the {@link StepSeries}. */
  readonly elapsedMs: number;
  readonly loss: number;
  /** Of the run's metric. */
  readonly metric: number;
}

export interface Checkpoint {
  readonly at: number;
  readonly step: number;
  readonly path: string;
  readonly bytes: number;
  readonly cause: string;
}

/** A finding, and whether it holds. */
export interface ShownFinding extends HealthFinding {
  readonly at: number;
  readonly clearedAtStep: number | null;
}

/** An event in words. */
export interface ToldEvent {
  /** The line of events.jsonl, counted from 0. */
  readonly line: number;
  readonly at: number;
  readonly kind: Kind;
  readonly text: string;
  readonly isWarning: boolean;
}

/** So many events are kept in words; of more, the newest. */
const MAX_TOLD = 5_000;
/** Steps that the pace is taken from. */
const RECENT_STEPS = 50;

/**
 * A run as its events tell it: what somebody sees who has read events.jsonl from its first line. The same in a browser and
 * in Node. What a run does again, after a restart or a rollback, takes the place of what it did before.
 */
export class Replay {
  /** Lines read. */
  lines = 0;
  /** When the first event was: it tells a log from another one at the same place. */
  firstAt: number | null = null;
  run = '';
  totalSteps = 0;
  stepsPerEpoch = 1;
  trainSamples = 0;
  validationSamples = 0;
  parameterCount = 0;
  state: RunState = { name: 'opening' };
  metric: MetricName = 'accuracy';
  /** Commits so far. */
  step = 0;
  epoch = 0;
  startedAt: number | null = null;
  /** Of the newest event. */
  lastAt: number | null = null;
  summary: RunSummary | null = null;
  readonly series = new StepSeries();
  epochs: Measured[] = [];
  validations: Measured[] = [];
  tests: Measured[] = [];
  checkpoints: Checkpoint[] = [];
  /** The processes that served it, the first one first. */
  readonly turns: RunTurn[] = [];
  findings: ShownFinding[] = [];
  readonly workers = new WorkerList();
  readonly predictions = new PredictionList();
  readonly arrivals = new StepArrivals();
  readonly layers = new LayerList();
  told: ToldEvent[] = [];
  /** Lines that are no events: the log was changed. */
  damaged = 0;
  #recentMs: number[] = [];
  /** Until the newest event: while a worker was there. */
  #elapsedMs = 0;
  #isServed = false;
  /** The evaluation that has begun and not ended. */
  #evaluation: Extract<RunState, { readonly name: 'evaluating' }> | null = null;
  /** A pause has been asked for, and no end of it. */
  isPauseWanted = false;
  /** Milliseconds of pauses that are over. */
  pausedMs = 0;

  /** Takes the next line of the log, without its end. */
  readLine(line: string): void {
    const number = this.lines++;
    if (line === '') return;
    try {
      const event = JSON.parse(line) as RunEvent;
      if (typeof event.at !== 'number') throw new Error('no time');
      this.#see(event, number);
    } catch {
      this.damaged++;
    }
  }

  /** Milliseconds until the last step, at the pace of the last ones; null where nothing tells. */
  get leftMs(): number | null {
    if (this.summary !== null || this.#recentMs.length === 0) return null;
    const sum = this.#recentMs.reduce((total, ms) => total + ms, 0);
    return ((this.totalSteps - this.step) * sum) / this.#recentMs.length;
  }

  /** What is wrong with the training at the moment, or worth knowing about it. */
  get activeFindings(): readonly ShownFinding[] {
    return this.findings.filter(({ clearedAtStep }) => clearedAtStep === null);
  }

  #see(event: RunEvent, line: number): void {
    this.firstAt ??= event.at;
    this.#passTime(event);
    this.lastAt = event.at;
    this.workers.see(event);
    this.predictions.see(event);
    this.layers.see(event);
    const turn = turnOf(event);
    if (turn !== null) this.turns.push(turn);
    this.#fold(event);
    const words = wordsOf(event);
    if (words === null) return;
    this.told.push({ line, at: event.at, ...words });
    if (this.told.length > 2 * MAX_TOLD) this.told = this.told.slice(-MAX_TOLD);
  }

  #passTime({ type, at }: RunEvent): void {
    // A process that was lost did not say when.
    if (type === 'run-resumed') this.#isServed = false;
    if (this.#isServed && this.state.name !== 'paused') this.#elapsedMs += Math.max(0, at - this.lastAt!);
    if (type === 'worker-joined' || type === 'step') this.#isServed = true;
  }

  #fold(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.startedAt = event.at;
        this.run = event.run;
        this.totalSteps = event.totalSteps;
        this.stepsPerEpoch = event.stepsPerEpoch;
        this.trainSamples = event.trainSamples;
        this.validationSamples = event.validationSamples;
        this.parameterCount = event.parameterCount;
        return;
      case 'run-resumed':
        this.run = event.run;
        this.totalSteps = event.totalSteps;
        this.stepsPerEpoch = event.stepsPerEpoch;
        this.summary = null;
        this.#evaluation = null;
        // Whoever resumes a run wants it to train.
        this.isPauseWanted = false;
        this.#setState({ name: 'opening' }, event.at);
        return this.#takeBack(event.step);
      case 'rolled-back':
        this.#evaluation = null;
        this.#setState({ name: 'going-back', toStep: event.toStep }, event.at);
        this.findings = this.findings.map((finding) => cleared(finding, event.fromStep));
        return this.#takeBack(event.toStep);
      case 'waiting':
        return this.#setState({ name: 'waiting', workers: event.workers, minWorkers: event.minWorkers }, event.at);
      case 'stalled':
        return this.#setState({ name: 'stalled', why: wordsOf(event)!.text }, event.at);
      case 'paused':
        return this.#setState({ name: 'paused', at: event.at }, event.at);
      case 'operator-request':
        if (event.refusal !== null) return;
        if (event.request === 'pause' || event.request === 'unpause') this.isPauseWanted = event.request === 'pause';
        return;
      case 'resumed':
        return this.#goOn(event.at);
      case 'evaluation-started':
        this.#evaluation = { name: 'evaluating', purpose: event.purpose, samples: event.samples };
        return this.#goOn(event.at);
      case 'step':
        return this.#seeStep(event);
      case 'epoch-ended':
        this.epochs.push(this.#measuredBy(event));
        return;
      case 'evaluated':
        (event.purpose === 'validation' ? this.validations : this.tests).push(this.#measuredBy(event));
        this.#evaluation = null;
        return this.#goOn(event.at);
      case 'checkpoint-saved': {
        const { at, step, path, bytes, cause } = event;
        this.checkpoints.push({ at, step, path, bytes, cause });
        return;
      }
      case 'health':
        this.findings.push({ ...event, clearedAtStep: null });
        return;
      case 'health-cleared':
        this.findings = this.findings.map((finding) =>
          finding.kind === (event.kind satisfies HealthKind) ? cleared(finding, event.step) : finding,
        );
        return;
      case 'run-ended':
        this.summary = event;
        this.isPauseWanted = false;
        return this.#setState({ name: 'ended', outcome: event.outcome, reason: event.reason }, event.at);
    }
  }

  #seeStep(event: EventOf<'step'>): void {
    const { step, epoch, loss, learningRate, gradientNorm, samples, stepMs, bytesReceived, bytesSent } = event;
    // A coordinator that was lost may have been further than its newest checkpoint.
    if (step <= this.step) this.#takeBack(step - 1);
    this.#evaluation = null;
    this.#goOn(event.at);
    this.step = step;
    this.epoch = epoch;
    const samplesPerSecond = stepMs > 0 ? (1_000 * samples) / stepMs : NaN;
    this.series.add(step, {
      loss: number(loss),
      metric: this.#metricOf(event),
      learningRate: number(learningRate),
      gradientNorm: number(gradientNorm),
      samplesPerSecond,
      elapsedMs: this.#elapsedMs,
      ...shareOut(event),
      bytesReceived,
      bytesSent,
    });
    this.arrivals.see(event);
    this.#recentMs.push(stepMs);
    if (this.#recentMs.length > RECENT_STEPS) this.#recentMs.shift();
  }

  #goOn(at: number): void {
    this.#setState(this.#evaluation ?? { name: 'training' }, at);
  }

  #setState(state: RunState, at: number): void {
    if (this.state.name === 'paused') this.pausedMs += Math.max(0, at - this.state.at);
    this.state = state;
  }

  #metricOf(figure: MetricFigure): number {
    const { name, value } = readMetric(figure);
    this.metric = name;
    return number(value);
  }

  #measuredBy(event: EventOf<'epoch-ended' | 'evaluated'>): Measured {
    const { step, epoch, loss } = event;
    const { value } = readMetric(event);
    return { step, epoch, elapsedMs: this.#elapsedMs, loss: number(loss), metric: number(value) };
  }

  /** What was done after that step is done again. */
  #takeBack(step: number): void {
    this.step = step;
    this.series.takeBack(step);
    this.arrivals.takeBack(step);
    this.#recentMs = [];
    this.epochs = upTo(this.epochs, step);
    this.validations = upTo(this.validations, step);
    this.tests = upTo(this.tests, step);
    this.predictions.takeBack(step);
    this.layers.takeBack(step);
  }
}

/** A step's time in three parts; NaN in logs of older versions. */
function shareOut({ timing }: EventOf<'step'>) {
  if (timing === undefined) return { computingMs: NaN, waitingMs: NaN, serverMs: NaN };
  const { allMs, waitMs, serverMs, sendMs } = timing;
  return { computingMs: Math.max(0, allMs - waitMs - sendMs), waitingMs: waitMs, serverMs: sendMs + serverMs };
}

/** JSON has no NaN: what was not finite is null there. */
function number(value: number | null): number {
  return value ?? NaN;
}

function upTo<Each extends { readonly step: number }>(measured: readonly Each[], step: number): Each[] {
  return measured.filter((each) => each.step <= step);
}

function cleared(finding: ShownFinding, step: number): ShownFinding {
  return finding.clearedAtStep === null ? { ...finding, clearedAtStep: step } : finding;
}

/** The best of some measurements by the run's metric, the first of equal ones; null of none. */
export function bestOf(measured: readonly Measured[], metric: MetricName): Measured | null {
  const isBetter = (a: Measured, b: Measured) => (metric === 'accuracy' ? a.metric > b.metric : a.metric < b.metric);
  return measured.reduce<Measured | null>((best, each) => (best === null || isBetter(each, best) ? each : best), null);
}
