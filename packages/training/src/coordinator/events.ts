import type { Block } from '@convoy/protocol/messages';

export type WorkerId = string;

/** A piece of work that is cut into leaves, leased in blocks and summed up one tree. */
export type Task = GradientTask | EvaluationTask;

export interface GradientTask {
  readonly kind: 'gradient';
  /** Unique within a machine: a repeated step is a new task, so the results of the first attempt are stale. */
  readonly id: number;
  /** Commits before this step: the version of the parameters its gradient is taken at. */
  readonly step: number;
  readonly epoch: number;
  /** Micro-batches, V. */
  readonly leaves: number;
  /** 1, or 2 when the first sum was refused. */
  readonly attempt: number;
}

export interface EvaluationTask {
  readonly kind: 'evaluation';
  readonly id: number;
  /** Commits so far: the version of the parameters that are evaluated. */
  readonly step: number;
  readonly epoch: number;
  readonly purpose: 'validation' | 'test';
  readonly leaves: number;
}

/** What the machine is told. Facts, in the order in which the server learned them. */
export type CoordinatorEvent =
  /** A worker holds the model and the data and may be leased work. */
  | { readonly type: 'worker-joined'; readonly workerId: WorkerId }
  /** It left, for whatever reason: what it held is nobody's. */
  | { readonly type: 'worker-left'; readonly workerId: WorkerId; readonly reason: string }
  /** It wants to leave: it gets no more leases. */
  | { readonly type: 'worker-draining'; readonly workerId: WorkerId }
  /** A valid result arrived for a block of a task. */
  | { readonly type: 'result-received'; readonly workerId: WorkerId; readonly task: number; readonly block: Block }
  /** A result arrived whose content is wrong: the block is still owed. */
  | { readonly type: 'result-invalid'; readonly workerId: WorkerId; readonly task: number; readonly block: Block }
  /** The update of this task's step was applied and swapped in. */
  | { readonly type: 'committed'; readonly task: number }
  /** The guard refused the sum; nothing was changed. */
  | { readonly type: 'commit-refused'; readonly task: number; readonly reason: string }
  /** The evaluation's sums were taken. */
  | { readonly type: 'evaluated'; readonly task: number }
  /** The operator wants the run to end here. */
  | { readonly type: 'stop-requested'; readonly reason: string }
  /** Something outside the machine makes going on pointless. */
  | { readonly type: 'halt-requested'; readonly reason: string };

/** What the machine orders. The server carries the effects out in order. */
export type CoordinatorEffect =
  | { readonly type: 'open'; readonly task: Task }
  /** Send the current parameters: the worker's next lease needs them. */
  | { readonly type: 'send-parameters'; readonly workerId: WorkerId; readonly step: number }
  | { readonly type: 'lease'; readonly workerId: WorkerId; readonly task: Task; readonly block: Block }
  /** Take this result into the task's sum. */
  | { readonly type: 'collect'; readonly workerId: WorkerId; readonly task: Task; readonly block: Block }
  | {
      readonly type: 'discard';
      readonly workerId: WorkerId;
      readonly task: number;
      readonly block: Block;
      readonly reason: 'stale' | 'duplicate' | 'bad';
    }
  /** A block's holder is gone or failed; it is free to lease again. */
  | {
      readonly type: 'release';
      readonly workerId: WorkerId;
      readonly task: Task;
      readonly block: Block;
      readonly reason: string;
    }
  /** All leaves are in: check the sum and apply it; answer `committed` or `commit-refused`. */
  | { readonly type: 'commit'; readonly task: GradientTask }
  /** The sum was refused for good: drop it and leave the parameters as they are. Counts as a commit that changes nothing. */
  | { readonly type: 'skip'; readonly task: GradientTask; readonly reason: string }
  /** The sum was refused once: drop it; the same step follows as a new task. */
  | { readonly type: 'retry'; readonly task: GradientTask; readonly reason: string }
  /** All leaves are in: take the sums; answer `evaluated`. */
  | { readonly type: 'evaluate'; readonly task: EvaluationTask }
  /** Too few workers to go on, or enough again. */
  | { readonly type: 'pause'; readonly ready: number; readonly minWorkers: number }
  | { readonly type: 'resume'; readonly ready: number }
  /** Nothing more will be ordered. */
  | { readonly type: 'finish'; readonly outcome: 'completed' | 'interrupted' | 'halted'; readonly reason: string };
