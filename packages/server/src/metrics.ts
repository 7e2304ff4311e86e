import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { KERAS_NAMES, readMetric } from '@convoy/protocol/metric';
import type { MeasuringEvent, RunEvent } from '@convoy/protocol/run-events';
import type { RunStatus, WorkerStatus } from '@convoy/protocol/run-status';
import { VERSION } from '@convoy/protocol/version';

type StepEvent = Extract<RunEvent, { readonly type: 'step' }>;

/** From the 3 ms that a step costs the coordinator to the minutes that a large model takes. */
const STEP_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const STATES: readonly RunStatus['state'][] = ['opening', 'waiting', 'training', 'evaluating', 'paused', 'ended'];
const WORKER_STATES: readonly WorkerStatus['state'][] = ['computing', 'idle', 'leaving', 'away'];
const SEVERITIES = ['alarm', 'note'] as const;

/** What is counted event by event: the event's type, the metric's name, and what it counts. */
const COUNTED = {
  'step-retried': ['convoy_steps_retried_total', 'Steps computed again because their result was not finite.'],
  'step-skipped': ['convoy_steps_skipped_total', 'Steps that could not be applied.'],
  'worker-joined': ['convoy_workers_joined_total', 'Workers that joined, those included that came back.'],
  'worker-left': ['convoy_workers_left_total', 'Workers that left, or were given up.'],
  'worker-rejected': [
    'convoy_workers_rejected_total',
    'Workers turned away: another version, other data, other arithmetic.',
  ],
  'worker-suspected': ['convoy_workers_suspected_total', 'Times that a worker fell silent or lost its connection.'],
  'worker-quarantined': ['convoy_workers_quarantined_total', 'Times that a worker was told to wait after bad results.'],
  'connection-closed': ['convoy_connections_refused_total', 'Connections closed before a worker joined over them.'],
  'leased-again': [
    'convoy_leases_repeated_total',
    'Blocks of work given to a second worker because the first was slow.',
  ],
  'result-discarded': ['convoy_results_discarded_total', 'Results that came too late or twice.'],
  'checkpoint-failed': ['convoy_checkpoint_failures_total', 'Checkpoints that could not be saved.'],
  'rolled-back': ['convoy_rollbacks_total', 'Times that the run went back to a healthy checkpoint.'],
} as const satisfies Partial<Record<RunEvent['type'], readonly [string, string]>>;

/**
 * A run's figures as Prometheus reads them (https://prometheus.io/docs/instrumenting/exposition_formats/). Times are in seconds,
 * sizes in bytes. Counters count from the start of this process.
 */
export class RunMetrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #of = metricsIn(this.#registry);
  #lastStep: StepEvent | null = null;
  #isScraped = false;

  constructor() {
    for (const [type, [name, help]] of Object.entries(COUNTED)) {
      this.#counters.set(type, new Counter({ name, help, registers: [this.#registry] }));
    }
  }

  /** Takes in what happened in the run. */
  see(event: RunEvent): void {
    this.#counters.get(event.type)?.inc();
    switch (event.type) {
      case 'step':
        this.#lastStep = event;
        this.#of.stepSeconds.observe(event.stepMs / 1_000);
        this.#of.samples.inc(event.samples);
        this.#of.received.inc(event.bytesReceived);
        this.#of.sent.inc(event.bytesSent);
        return;
      case 'evaluated':
        this.#of.loss.set({ split: event.purpose }, event.loss);
        this.#setMetric(event.purpose, event);
        return;
      case 'memory':
        this.#of.workerMemory.set({ rank: event.rank }, event.rssBytes);
        return;
      case 'worker-left':
        this.#of.workerMemory.remove({ rank: event.rank });
        return;
      case 'checkpoint-saved':
        this.#of.checkpointStep.set(event.step);
        this.#of.checkpointTime.set(event.at / 1_000);
        this.#of.checkpointSize.set(event.bytes);
        return;
    }
  }

  /** The content type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All figures. @param status how the run stands now. */
  async text(status: RunStatus): Promise<string> {
    // A process that nobody scrapes measures nothing of itself.
    if (!this.#isScraped) collectDefaultMetrics({ register: this.#registry });
    this.#isScraped = true;
    this.#of.info.reset();
    this.#of.info.set({ run: status.run, version: VERSION }, 1);
    for (const state of STATES) this.#of.state.set({ state }, status.state === state ? 1 : 0);
    if (this.#lastStep !== null) this.#setStep(this.#lastStep);
    this.#of.step.set(status.step);
    this.#of.plannedSteps.set(status.totalSteps);
    for (const state of WORKER_STATES) {
      this.#of.workers.set({ state }, status.workers.filter((worker) => worker.state === state).length);
    }
    for (const severity of SEVERITIES) {
      this.#of.findings.set({ severity }, status.health.filter((finding) => finding.severity === severity).length);
    }
    this.#of.workerSpeed.reset();
    for (const { rank, samplesPerSecond } of status.workers) {
      if (samplesPerSecond !== null) this.#of.workerSpeed.set({ rank }, samplesPerSecond);
    }
    return this.#registry.metrics();
  }

  #setStep(event: StepEvent): void {
    this.#of.loss.set({ split: 'training' }, event.loss);
    this.#setMetric('training', event);
    this.#of.learningRate.set(event.learningRate);
    this.#of.gradientNorm.set(event.gradientNorm);
    this.#of.epoch.set(event.epoch);
    this.#of.busy.set(event.busyShare);
  }

  #setMetric(split: string, event: MeasuringEvent): void {
    const { name, value } = readMetric(event);
    this.#of.metric.set({ split, metric: KERAS_NAMES[name] }, value);
  }
}

/** All metrics but those of single events, in a registry. */
function metricsIn(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) => {
    const made = new Gauge({ name, help, labelNames: [...labelNames], registers });
    // It would be 0 until it is known.
    if (labelNames.length === 0) made.remove();
    return made;
  };
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  return {
    info: gauge('convoy_run_info', 'The run, and the version of Convoy that serves it; always 1.', ['run', 'version']),
    state: gauge('convoy_run_state', '1 for the state that the run is in, 0 for the others.', ['state']),
    step: gauge('convoy_step', 'Steps done so far, those of earlier processes included.'),
    plannedSteps: gauge('convoy_steps_planned', 'Steps that the run has in all.'),
    epoch: gauge('convoy_epoch', 'Epoch of the last step, from 0.'),
    loss: gauge('convoy_loss', 'Mean loss: of the last step, or of the last evaluation.', ['split']),
    metric: gauge('convoy_metric', 'Accuracy as a share of 1, or mean absolute error.', ['split', 'metric']),
    learningRate: gauge('convoy_learning_rate', 'Learning rate of the last step.'),
    gradientNorm: gauge('convoy_gradient_norm', 'Euclidean norm of the mean gradient of the last step.'),
    busy: gauge('convoy_workers_busy_ratio', 'Part of the last step in which its workers computed, their mean.'),
    workers: gauge('convoy_workers', 'Workers that take part.', ['state']),
    findings: gauge('convoy_health_findings', 'Findings about the health of the training that hold now.', ['severity']),
    workerMemory: gauge('convoy_worker_resident_memory_bytes', 'Resident memory of a worker.', ['rank']),
    workerSpeed: gauge('convoy_worker_samples_per_second', 'Speed of a worker while it computes.', ['rank']),
    checkpointStep: gauge('convoy_checkpoint_step', 'Step of the last checkpoint.'),
    checkpointTime: gauge('convoy_checkpoint_timestamp_seconds', 'When the last checkpoint was saved, as Unix time.'),
    checkpointSize: gauge('convoy_checkpoint_size_bytes', 'Size of the last checkpoint.'),
    stepSeconds: new Histogram({
      name: 'convoy_step_duration_seconds',
      help: 'Duration of the steps that were applied.',
      buckets: STEP_BUCKETS_S,
      registers,
    }),
    samples: counter('convoy_samples_total', 'Training samples that entered an update.'),
    received: counter('convoy_received_bytes_total', 'Payload received from workers.'),
    sent: counter('convoy_sent_bytes_total', 'Payload sent to workers.'),
  };
}
