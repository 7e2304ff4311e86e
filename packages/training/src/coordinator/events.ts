import type { Block } from '@convoy/protocol/messages';

/** Where a run stands: after `step` commits, with the evaluations that are due there and not yet done. */
export interface Position {
  readonly step: number;
  readonly due: readonly ('validation' | 'test')[];
}

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
  /** 1, or 2 when the first sum was refused: then workers compute it whose results have been confirmed, while there are any. */
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

/** A lease as a worker names it: what it computes, or has computed and not yet delivered. */
export interface Holding {
  readonly task: number;
  readonly block: Block;
}

/** What the machine is told. Facts, in the order in which the server learned them. */
export type CoordinatorEvent =
  /**
   * A worker holds the model and the data and may be leased work. `origin` is where it connects from, as it can't choose it: its
   * address. `holding` is what a connection before this one left it with.
   */
  | {
      readonly type: 'worker-joined';
      readonly workerId: WorkerId;
      readonly origin: string;
      readonly holding: Holding | null;
    }
  /** Bytes of it arrived, whatever they say: it lives. */
  | { readonly type: 'worker-heard'; readonly workerId: WorkerId }
  /** Its connection broke. It may come back, so it keeps its lease for a short grace. */
  | { readonly type: 'worker-lost'; readonly workerId: WorkerId; readonly reason: string }
  /** It left for good, or was sent away: what it held is nobody's. `atFault` says that it broke the protocol. */
  | {
      readonly type: 'worker-left';
      readonly workerId: WorkerId;
      readonly reason: string;
      readonly atFault: boolean;
    }
  /** It wants to leave: it gets no more leases. */
  | { readonly type: 'worker-draining'; readonly workerId: WorkerId }
  /** A well-formed result arrived for a block of a task. `suspicion` says what makes its values unbelievable, if anything. */
  | {
      readonly type: 'result-received';
      readonly workerId: WorkerId;
      readonly task: number;
      readonly block: Block;
      readonly suspicion: string | null;
    }
  /** A worker gave up a lease: it is idle. Nobody does that unless the lease was cancelled. */
  | { readonly type: 'lease-returned'; readonly workerId: WorkerId; readonly task: number; readonly block: Block }
  /**
   * The update of this task's step was applied and swapped in. `isSaved`, here and below, says whether the state is worth a
   * checkpoint of its own; without a word it is after a validation, and not after a step.
   */
  | { readonly type: 'committed'; readonly task: number; readonly isSaved?: boolean }
  /** The guard refused the sum; nothing was changed. */
  | { readonly type: 'commit-refused'; readonly task: number; readonly reason: string }
  /** The skip was noted. */
  | { readonly type: 'skipped'; readonly task: number; readonly isSaved?: boolean }
  /** The evaluation's sums were taken. */
  | { readonly type: 'evaluated'; readonly task: number; readonly isSaved?: boolean }
  /** An operator wants a checkpoint of the state after the next step. */
  | { readonly type: 'checkpoint-requested' }
  /** An operator wants no step to begin: what is being computed, and what is due after it, is finished. */
  | { readonly type: 'pause-requested' }
  /** The operator wants the run to go on. */
  | { readonly type: 'unpause-requested' }
  /** No step follows the present task, which the server has yet to answer: what is due at the run's end is due after it. */
  | { readonly type: 'training-ended'; readonly reason: string }
  /** What was collected of the present task is not wanted: it begins again, as another task. */
  | { readonly type: 'restart-requested' }
  /** The parameters are others than before without a step: whoever was sent them needs them again. */
  | { readonly type: 'parameters-replaced' }
  /** Time has passed: sent at least every second, and at the machine's `wakeAt`. */
  | { readonly type: 'tick' }
  /** The operator wants the run to end here. */
  | { readonly type: 'stop-requested'; readonly reason: string }
  /** Something outside the machine makes going on pointless. */
  | { readonly type: 'halt-requested'; readonly reason: string };

/** Why a checkpoint is due: so much time or so many steps, an operator's wish, an evaluation, the end of an epoch without one, the end of the run. */
export type CheckpointCause = 'interval' | 'requested' | 'validation' | 'epoch' | 'end';

/** Why a worker is sent away. */
export type ExpulsionCause =
  /** Nothing was heard of it for longer than a living worker is silent. */
  | 'dead'
  /** It lives, and has not finished a lease for several deadlines. */
  | 'hung'
  /** It returned values that no honest computation gives. */
  | 'poisonous';

/** Somebody a task waits for. */
export interface Awaited {
  readonly workerId: WorkerId;
  readonly block: Block;
  /** Since its lease was given. */
  readonly forMs: number;
  readonly why: 'computing' | 'slow' | 'silent' | 'lost';
}

/** What the machine orders. The server carries the effects out in order. */
export type CoordinatorEffect =
  | { readonly type: 'open'; readonly task: Task }
  /** Send the current parameters: the worker's next lease needs them. */
  | { readonly type: 'send-parameters'; readonly workerId: WorkerId; readonly step: number }
  /** `instead` names the slow or missing holder of the same block that this lease covers as well. */
  | {
      readonly type: 'lease';
      readonly workerId: WorkerId;
      readonly task: Task;
      readonly block: Block;
      readonly instead: WorkerId | null;
    }
  /** Tell the worker not to go on: its result would be dropped. It answers with `lease-returned` or with the result. */
  | { readonly type: 'cancel'; readonly workerId: WorkerId; readonly task: number; readonly block: Block }
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
  /** A worker is silent or its connection is lost: it gets no leases, and what it holds may be leased to another. */
  | { readonly type: 'suspect'; readonly workerId: WorkerId; readonly reason: string }
  /** A suspect was heard again, or came back. */
  | { readonly type: 'recover'; readonly workerId: WorkerId }
  /** A worker gets no leases until then. */
  | { readonly type: 'quarantine'; readonly workerId: WorkerId; readonly forMs: number; readonly reason: string }
  /** Close this worker's connection, if there is one: it is no member any more. */
  | {
      readonly type: 'expel';
      readonly workerId: WorkerId;
      readonly cause: ExpulsionCause;
      readonly reason: string;
    }
  /** Nothing has come in for long: who is waited for, and how many leaves nobody holds. */
  | {
      readonly type: 'stall';
      readonly task: Task;
      readonly forMs: number;
      readonly waitingFor: readonly Awaited[];
      readonly freeLeaves: number;
    }
  /** All leaves are in: check the sum and apply it; answer `committed` or `commit-refused`. */
  | { readonly type: 'commit'; readonly task: GradientTask }
  /** The sum was refused for good: drop it and leave the parameters as they are. Counts as a commit that changes nothing; answer `skipped`. */
  | { readonly type: 'skip'; readonly task: GradientTask; readonly reason: string }
  /** The sum was refused once: drop it; the same step follows as a new task. */
  | { readonly type: 'retry'; readonly task: GradientTask; readonly reason: string }
  /** All leaves are in: take the sums; answer `evaluated`. */
  | { readonly type: 'evaluate'; readonly task: EvaluationTask }
  /** Keep the training state as it is now: a run that starts from `position` and it goes on as this one does. */
  | { readonly type: 'checkpoint'; readonly position: Position; readonly cause: CheckpointCause }
  /** Too few workers to go on. */
  | { readonly type: 'wait'; readonly ready: number; readonly minWorkers: number }
  /** The operator's pause begins, after so many commits, whose state has been checkpointed. */
  | { readonly type: 'pause'; readonly step: number }
  /** Work is leased again: there are enough workers, and no pause. */
  | { readonly type: 'resume'; readonly ready: number }
  /** Nothing more will be ordered. */
  | { readonly type: 'finish'; readonly outcome: 'completed' | 'interrupted' | 'halted'; readonly reason: string };
