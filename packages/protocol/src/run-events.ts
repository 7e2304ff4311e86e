import type { Monitor } from './callbacks-config.ts';
import type { Block } from './messages.ts';
import type { MetricFigure } from './metric.ts';

/**
 * What happened in a run, as facts. The same objects become lines of events.jsonl, the live progress line and, later, the
 * dashboard. `at` is milliseconds since the Unix epoch.
 */
export type RunEvent = { readonly at: number } & RunFact;

export type RunFact =
  /** The first event of a run. */
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly incarnation: string;
      readonly totalSteps: number;
      readonly stepsPerEpoch: number;
      readonly trainSamples: number;
      readonly validationSamples: number;
      readonly testSamples: number;
      readonly parameterCount: number;
      /** What the coordinator runs on; earlier versions did not write it. */
      readonly machine?: Machine;
    }
  /** A run goes on from a checkpoint, in another process than before. */
  | {
      readonly type: 'run-resumed';
      readonly run: string;
      readonly incarnation: string;
      /** Commits so far: what was done after them is done again. */
      readonly step: number;
      readonly totalSteps: number;
      readonly stepsPerEpoch: number;
      /** As of `run-started`. */
      readonly machine?: Machine;
    }
  /** A worker takes part. */
  | {
      readonly type: 'worker-joined';
      readonly workerId: string;
      readonly rank: number;
      readonly name: string;
      readonly engine: string;
      readonly workers: number;
    }
  /** A worker takes part no more: it left, or was given up. */
  | {
      readonly type: 'worker-left';
      readonly workerId: string;
      readonly rank: number;
      readonly reason: string;
      readonly workers: number;
    }
  /** Silent, or its connection broke: it gets no leases until it recovers or is forgotten. */
  | { readonly type: 'worker-suspected'; readonly workerId: string; readonly rank: number; readonly reason: string }
  /** It was suspected, and gave a sign of life. */
  | { readonly type: 'worker-recovered'; readonly workerId: string; readonly rank: number }
  /** A worker did something wrong, and is left out for a while. */
  | {
      readonly type: 'worker-quarantined';
      readonly workerId: string;
      readonly rank: number;
      /** It gets no leases for so many milliseconds. */
      readonly forMs: number;
      readonly reason: string;
    }
  /** It said hello, and may not take part. */
  | { readonly type: 'worker-rejected'; readonly name: string; readonly reason: string }
  /** Somebody who was no worker yet. */
  | { readonly type: 'connection-closed'; readonly remote: string; readonly reason: string }
  /** Training pauses: there are too few workers. */
  | { readonly type: 'waiting'; readonly workers: number; readonly minWorkers: number }
  /** Work goes on: there are enough workers, and no pause. */
  | { readonly type: 'resumed'; readonly workers: number }
  /** An operator's pause begins, between two steps: nobody is given work until it is over. */
  | {
      readonly type: 'paused';
      /** Commits so far. Their checkpoint is being written. */
      readonly step: number;
    }
  /** A lease was taken back: its holder is gone, or did not do it. */
  | {
      readonly type: 'released';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      /** What it had been leased. */
      readonly block: Block;
      readonly workerId: string;
      readonly reason: string;
    }
  /** A block that another holds is computed a second time: the first result counts. */
  | {
      readonly type: 'leased-again';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      readonly work: 'gradient' | 'evaluation';
      /** What is computed a second time. */
      readonly block: Block;
      /** Who computes it, too. */
      readonly rank: number;
      /** The slow or missing holder. */
      readonly insteadOf: { readonly rank: number; readonly name: string };
    }
  /** Nothing came in for long. */
  | {
      readonly type: 'stalled';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      readonly work: 'gradient' | 'evaluation';
      readonly forMs: number;
      /** Whom it waits for. */
      readonly waitingFor: readonly AwaitedWorker[];
      /** Micro-batches that nobody computes. */
      readonly freeLeaves: number;
    }
  /** A checkpoint was written, and can be resumed from. */
  | {
      readonly type: 'checkpoint-saved';
      readonly step: number;
      /** Its folder. */
      readonly path: string;
      readonly bytes: number;
      /** How long writing took. */
      readonly ms: number;
      readonly cause: 'interval' | 'requested' | 'validation' | 'epoch' | 'end';
    }
  /** An operator asked the coordinator for something. `refusal` says why it was not done, if so. */
  | {
      readonly type: 'operator-request';
      readonly request: 'drain' | 'stop' | 'checkpoint' | 'pause' | 'unpause';
      /** The worker that is to leave. */
      readonly rank?: number;
      /** The operator's token and address, or the run's folder. */
      readonly by: string;
      /** Why it was not done; null if it was. */
      readonly refusal: string | null;
    }
  /** The checkpoints before it stay valid; training goes on. */
  | { readonly type: 'checkpoint-failed'; readonly step: number; readonly reason: string }
  /** The log could not be written for a while: so many events are missing before this one. */
  | { readonly type: 'log-gap'; readonly lost: number }
  /** A result came that nobody waited for any more, or that can't be right. */
  | {
      readonly type: 'result-discarded';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      /** What the result is of. */
      readonly block: Block;
      readonly workerId: string;
      readonly reason: string;
    }
  /** A step was committed: its gradient moved the parameters. */
  | ({
      readonly type: 'step';
      /** Number of commits so far, this one included. */
      readonly step: number;
      readonly epoch: number;
      readonly samples: number;
      /** Mean over the step's samples, with dropout active, before the update. */
      readonly loss: number;
      readonly learningRate: number;
      /** Euclidean norm of the mean gradient. */
      readonly gradientNorm: number;
      readonly workers: number;
      /** Milliseconds since the step before was done. */
      readonly stepMs: number;
      /** Part of the step in which the workers computed, the mean over them; the rest they waited. */
      readonly busyShare: number;
      /** Payload bytes on the wire since the step before, over all workers. */
      readonly bytesReceived: number;
      /** The same, from the server to the workers. */
      readonly bytesSent: number;
      /** Where the step's time went; absent in logs of older versions. */
      readonly timing?: StepTiming;
    } & MetricFigure)
  /** How large a worker and the server are, now and then. */
  | {
      readonly type: 'memory';
      readonly rank: number;
      /** Memory of the worker's process. */
      readonly rssBytes: number;
      /** Tensors that its engine holds. */
      readonly tensors: number;
      /** Memory of the server's process. */
      readonly serverRssBytes: number;
    }
  /** The step's gradient was refused, and it is computed again. */
  | {
      readonly type: 'step-retried';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      readonly reason: string;
    }
  /** The step's gradient was refused twice. It counts, and changes nothing. */
  | {
      readonly type: 'step-skipped';
      /** The step that is being computed: commits before it. */
      readonly step: number;
      readonly reason: string;
    }
  /** All samples of an epoch were trained on. */
  | ({
      readonly type: 'epoch-ended';
      readonly epoch: number;
      readonly step: number;
      /** Means over the epoch's samples as they were trained on. */
      readonly loss: number;
      readonly seconds: number;
    } & MetricFigure)
  /** The parameters are to be evaluated on a split of the data, before anything else. */
  | {
      readonly type: 'evaluation-started';
      readonly purpose: 'validation' | 'test';
      /** Commits so far. */
      readonly step: number;
      readonly epoch: number;
      /** Of the split. */
      readonly samples: number;
    }
  /** The parameters were evaluated on a split of the data. */
  | ({
      readonly type: 'evaluated';
      readonly purpose: 'validation' | 'test';
      readonly step: number;
      readonly epoch: number;
      readonly samples: number;
      readonly loss: number;
      readonly seconds: number;
    } & MetricFigure)
  /** What the evaluation before it takes its samples for. */
  | {
      readonly type: 'predictions';
      readonly purpose: 'validation' | 'test';
      readonly step: number;
      readonly epoch: number;
      /** Null in a regression. */
      readonly confusion: Confusion | null;
      /** The same samples at every evaluation. */
      readonly shown: readonly ShownPrediction[];
      /** Of those taken for another class, or of all in a regression, the ones with the largest loss. */
      readonly worst: readonly ShownPrediction[];
    }
  /** What a sample looks like that a prediction is shown of: once for each, before the evaluation that it is first shown at. */
  | {
      readonly type: 'sample-image';
      readonly purpose: 'validation' | 'test';
      /** Among the samples of the evaluation, from 0: `convoy predict --split validation --index` counts alike. */
      readonly index: number;
      /** Of the image, which may be smaller than the sample. */
      readonly width: number;
      /** Of the image, too. */
      readonly height: number;
      /** A PNG, base64. */
      readonly png: string;
    }
  /** What the layers that are trained are like: every few steps their norms, and at validations how their weights are distributed. */
  | {
      readonly type: 'layers';
      readonly step: number;
      /** In the model's order. */
      readonly layers: readonly LayerFigures[];
    }
  /** The filters of the first convolution, at a validation. */
  | {
      readonly type: 'filters';
      readonly step: number;
      /** The convolution's name. */
      readonly layer: string;
      /** Of a filter, in pixels. */
      readonly width: number;
      /** Of a filter, too. */
      readonly height: number;
      /** Grey, or red, green and blue. */
      readonly channels: 1 | 3;
      /** The layer's filters. */
      readonly total: number;
      /** So many of them are shown, from the first on. */
      readonly count: number;
      /** The weight that black stands for. */
      readonly low: number;
      /** The weight that white stands for. */
      readonly high: number;
      /** Bytes of shape [count, height, width, channels], base64. */
      readonly pixels: string;
    }
  /** ReduceLROnPlateau: what the schedule starts from is another rate from the next step on. */
  | {
      readonly type: 'learning-rate-reduced';
      readonly step: number;
      readonly epoch: number;
      /** The rate so far. */
      readonly from: number;
      /** The rate from now on. */
      readonly to: number;
      readonly monitor: Monitor;
    }
  /** EarlyStopping: no step follows. */
  | { readonly type: 'early-stopped'; readonly step: number; readonly epoch: number; readonly reason: string }
  /** The parameters after `step` are those after `bestStep` again. */
  | {
      readonly type: 'best-restored';
      readonly step: number;
      /** Commits at the best epoch's end. */
      readonly bestStep: number;
      /** From 0. */
      readonly bestEpoch: number;
      readonly monitor: Monitor;
      /** Its value at the best epoch. */
      readonly value: number;
    }
  /** Something is wrong with the training, or worth knowing about it; it holds until it is cleared. */
  | ({ readonly type: 'health' } & HealthFinding)
  /** What was found at `since` does not hold any more. */
  | { readonly type: 'health-cleared'; readonly kind: HealthKind; readonly since: number; readonly step: number }
  /** The run goes back: it is opened again at `toStep`, at another learning rate. What was done after it is done anew. */
  | ({ readonly type: 'rolled-back' } & Rollback)
  /** The run's last event, with its figures. */
  /** The last event, with the run's figures. */
  | ({ readonly type: 'run-ended'; readonly reason: string } & RunSummary);

/** An event with figures. */
export type MeasuringEvent = Extract<RunEvent, { readonly type: 'step' | 'epoch-ended' | 'evaluated' }>;

/** What is measured of a layer, over all that it trains: its kernel, its biases. */
export interface LayerFigures {
  readonly name: string;
  /** Euclidean norm of the weights: before the step's update, or as they were validated. */
  readonly weights: number;
  /** Norm of the step's mean gradient. */
  readonly gradient?: number;
  /** Norm of what the step's update added. */
  readonly update?: number;
  /** At validations: how the weights are distributed. */
  readonly histogram?: {
    /** The least weight and the greatest. */
    readonly from: number;
    readonly to: number;
    /** Weights in each of the equally wide bins between them. */
    readonly counts: readonly number[];
    /** Of the weights, and of their squares. */
    readonly sum: number;
    readonly sumOfSquares: number;
  };
}

/** What is taken for what: of up to 100 classes a matrix, of more the pairs that are confused most often. */
export type Confusion =
  | {
      readonly classes: readonly string[];
      /** Samples by true class (row) and predicted class (column). */
      readonly counts: readonly (readonly number[])[];
    }
  | { readonly pairs: readonly { readonly truth: string; readonly predicted: string; readonly samples: number }[] };

/** What the model says of a sample. */
export interface ShownPrediction {
  /** Among the samples of the evaluation, from 0. */
  readonly index: number;
  readonly loss: number;
  /** Its class, or the first of its values. */
  readonly truth: string | readonly number[];
  /** The likeliest classes, the likeliest first. Absent in a regression. */
  readonly top?: readonly { readonly class: string; readonly probability: number }[];
  /** What a regression gives for the values of `truth`. */
  readonly values?: readonly number[];
}

/** What a run's coordinator runs on. */
export interface Machine {
  /** Versions of Convoy and of Node. */
  readonly convoy: string;
  readonly node: string;
  /** `linux x64`. */
  readonly platform: string;
  /** The processor's name, and how many cores there are. */
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

/**
 * Where a step's time went: milliseconds, whole ones from 100 on and tenths below. A step takes `allMs` and `serverMs`, together
 * its `stepMs`.
 */
export interface StepTiming {
  /** From the step's beginning until the first result of its sum came in. */
  readonly firstMs: number;
  /** … until the last did. */
  readonly allMs: number;
  /** The end of `allMs`, in which one worker alone kept the step waiting; 0 where there was only one. */
  readonly waitMs: number;
  /** From the last result until the parameters had moved. */
  readonly serverMs: number;
  /** What the server did in all this time: it encoded the parameters and handed them over. */
  readonly sendMs: number;
  /** It read results and added them up. */
  readonly sumMs: number;
  /** It found the length of the gradient. */
  readonly normMs: number;
  /** The optimizer moved the parameters. */
  readonly updateMs: number;
  /** The results, in the order of their arrival. */
  readonly arrivals: readonly Arrival[];
}

/**
 * The rank of a result's worker; when it came in, since the step's beginning; how long it was computed, by the worker's account
 * (ms); its samples. Of more than 32 results, one entry for each worker, with the last arrival, sums of the rest, and behind them the
 * number of its results; of more than 32 workers, the last ones.
 */
export type Arrival = readonly [rank: number, atMs: number, computeMs: number, samples: number, results?: number];

/** Somebody a step waits for, and why it takes so long. */
export interface AwaitedWorker {
  readonly rank: number;
  readonly name: string;
  /** What it has leased. */
  readonly block: Block;
  readonly forMs: number;
  readonly why: 'computing' | 'slow' | 'silent' | 'lost';
}

/** What can be found about a training's health; docs/health.md says what each means and how it is measured. */
export const HEALTH_KINDS = [
  'collapsed',
  'not-learning',
  'not-finite',
  'exploding-gradient',
  'vanishing-gradient',
  'dead-layer',
  'dead-units',
  'large-updates',
  'validation-at-chance',
  'overfitting',
  'diverged',
] as const;
export type HealthKind = (typeof HEALTH_KINDS)[number];

export interface HealthFinding {
  /** What was found. */
  readonly kind: HealthKind;
  /** An alarm says that the run goes wrong, a note that it could go better. */
  readonly severity: 'alarm' | 'note';
  /** The first step, counted from 1, at which it held. */
  readonly since: number;
  /** The step at which there was enough evidence. */
  readonly step: number;
  /** What was measured, in numbers. */
  readonly evidence: string;
  /** What to try. */
  readonly advice: string;
}

/** A collapsed run's return to a checkpoint. */
export interface Rollback {
  /** Commits when the run was given up. */
  readonly fromStep: number;
  /** Commits that it goes on from. */
  readonly toStep: number;
  /** What was found, and since which step. */
  readonly kind: HealthKind;
  readonly since: number;
  /** What the schedule's learning rate is multiplied by from now on, earlier rollbacks included. */
  readonly learningRateFactor: number;
}

export type RunOutcome = 'completed' | 'interrupted' | 'halted';

/** The figures of a run: the line that `--json` prints. Null where the run ended before it was known. */
export interface RunSummary {
  readonly run: string;
  /** How it ended: all done, ended by somebody, or ended by a callback or the health watch. */
  readonly outcome: RunOutcome;
  /** Steps done, those included that could not be applied. */
  readonly steps: number;
  /** Those of them that could not be applied. */
  readonly skippedSteps: number;
  readonly epochs: number;
  /** The most workers that took part at one time. */
  readonly workers: number;
  /** Of the test at the end. */
  readonly testAccuracy: number | null;
  /** Of the same. */
  readonly testLoss: number | null;
  /** At the last validation. */
  readonly validationAccuracy: number | null;
  /** Only a regression has this and the next; it has no accuracies. */
  readonly testMeanAbsoluteError?: number | null;
  /** At the last validation. */
  readonly validationMeanAbsoluteError?: number | null;
  /** sha256 of the final parameters as one little-endian float32 vector. */
  readonly parametersSha256: string;
  /** Training samples that entered an update, each counted once per epoch. */
  readonly samplesApplied: number;
  /** Samples applied per second of training, evaluations left out. */
  readonly samplesPerSecond: number;
  /** From the first worker's joining to the end. */
  readonly seconds: number;
  /** All that was found about the training's health, in the order in which it was. */
  readonly health: readonly HealthFinding[];
  /** How often it went back, oldest first; what was found before that is not in `health`. */
  readonly rollbacks: readonly Rollback[];
}
