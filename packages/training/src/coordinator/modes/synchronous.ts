import type { CheckpointCause, EvaluationTask, GradientTask, Position, Task } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { StartingPoint, TaskSequence } from '../task-sequence.ts';
import type { Turn } from '../turn.ts';

/** What follows a task. */
export type Next =
  | { readonly name: 'task'; readonly task: Task }
  | { readonly name: 'end'; readonly outcome: 'completed' | 'halted'; readonly reason: string };

/**
 * Synchronous training: a task is one step's gradient or one evaluation, the next is opened when the last is concluded. Decides
 * what the next task is, when a refused step is tried again or skipped, when a checkpoint is due, and when the training is over.
 */
export class SynchronousMode {
  readonly #sequence: TaskSequence;
  readonly #options: CoordinatorOptions;
  readonly #turn: Turn;
  #position: Position;
  #nextTaskId = 0;
  #consecutiveSkips: number;
  /** Why the sum was refused that is being skipped. */
  #lastRefusal = '';
  /** Why the training is over before its last step; null while it isn't. */
  #stopReason: string | null;
  #pendingCheckpoint: CheckpointCause | null = null;
  #checkpointAt: Position | null = null;
  #checkpointAtMs = 0;

  constructor(sequence: TaskSequence, start: StartingPoint, options: CoordinatorOptions, turn: Turn) {
    this.#sequence = sequence;
    this.#options = options;
    this.#turn = turn;
    this.#position = start.position;
    this.#consecutiveSkips = start.consecutiveSkips;
    this.#stopReason = start.stopReason ?? null;
    if (start.resumed) this.#checkpointAt = start.position;
  }

  /** Where a copy would have to start. Between events. */
  get standing(): StartingPoint {
    return {
      resumed: true,
      position: this.#position,
      consecutiveSkips: this.#consecutiveSkips,
      stopReason: this.#stopReason,
    };
  }

  /** The clock has begun to run, or a pause is over: checkpoints that come by time are counted from here. */
  startClock(nowMs: number): void {
    this.#checkpointAtMs = nowMs;
  }

  /** The same task from its beginning: with another id, so that no result of the first is taken. */
  restart(task: Task): Next {
    return { name: 'task', task: { ...task, id: this.#nextTaskId++ } };
  }

  /** The task at the present position. */
  next(attempt: 1 | 2 = 1): Next {
    const isOver = this.#stopReason !== null && this.#position.due.length === 0;
    const next = isOver ? undefined : this.#sequence.taskAt(this.#position);
    if (next === undefined) {
      return { name: 'end', outcome: 'completed', reason: this.#stopReason ?? 'all steps are done' };
    }
    const id = this.#nextTaskId++;
    return { name: 'task', task: next.kind === 'gradient' ? { ...next, id, attempt } : { ...next, id } };
  }

  committed(isSaved: boolean | undefined): Next {
    this.#consecutiveSkips = 0;
    return this.#afterStep(isSaved);
  }

  /** The guard refused the step's sum. @returns null when the server has to answer `skipped` first. */
  refused(task: GradientTask, reason: string): Next | null {
    if (task.attempt === 1) {
      this.#turn.order({ type: 'retry', task, reason });
      return this.next(2);
    }
    this.#lastRefusal = reason;
    this.#turn.order({ type: 'skip', task, reason });
    return null;
  }

  skipped(isSaved: boolean | undefined): Next {
    this.#consecutiveSkips++;
    if (this.#consecutiveSkips < this.#options.maxConsecutiveSkips) return this.#afterStep(isSaved);
    this.#position = this.#sequence.afterCommit(this.#position.step, this.#stopReason !== null);
    const reason = `${this.#consecutiveSkips} steps in a row could not be applied, the last because ${this.#lastRefusal}`;
    return { name: 'end', outcome: 'halted', reason };
  }

  evaluated({ purpose }: EvaluationTask, isSaved: boolean | undefined): Next {
    if (isSaved ?? purpose === 'validation') this.#pendingCheckpoint = 'validation';
    return this.#advance(this.#sequence.afterEvaluation(this.#position, this.#stopReason !== null));
  }

  /** The next state that is not in the midst of its evaluations gets a checkpoint. */
  requestCheckpoint(): void {
    this.#pendingCheckpoint ??= 'requested';
  }

  /** Between two steps: a state without a checkpoint gets one now. */
  saveUnsaved(): void {
    if (this.#checkpointAt !== this.#position || this.#pendingCheckpoint !== null) this.saveAgain();
  }

  /** Between two steps: the state gets a checkpoint now, whether or not it has one. */
  saveAgain(): void {
    this.#checkpoint('requested');
  }

  /** No step follows the present task. */
  endTraining(reason: string): void {
    this.#stopReason = reason;
  }

  /** Orders the last checkpoint, if the state has none yet, and the end. */
  finish(outcome: 'completed' | 'interrupted' | 'halted', reason: string): void {
    if (this.#checkpointAt !== this.#position) this.#checkpoint('end');
    this.#turn.order({ type: 'finish', outcome, reason });
  }

  #afterStep(isSaved = false): Next {
    const { checkpointEverySteps, checkpointEveryMs } = this.#options;
    const next = this.#sequence.afterCommit(this.#position.step, this.#stopReason !== null);
    if (isSaved) this.#pendingCheckpoint = 'epoch';
    const isDue =
      (checkpointEverySteps !== null && next.step % checkpointEverySteps === 0) ||
      (checkpointEveryMs !== null && this.#turn.nowMs - this.#checkpointAtMs >= checkpointEveryMs);
    if (isDue) this.#pendingCheckpoint ??= 'interval';
    return this.#advance(next);
  }

  #advance(position: Position): Next {
    this.#position = position;
    // What is due at this step is part of it: a checkpoint has the evaluations behind it.
    if (this.#pendingCheckpoint !== null && position.due.length === 0) this.#checkpoint(this.#pendingCheckpoint);
    return this.next();
  }

  #checkpoint(cause: CheckpointCause): void {
    this.#pendingCheckpoint = null;
    this.#checkpointAt = this.#position;
    this.#checkpointAtMs = this.#turn.nowMs;
    this.#turn.order({ type: 'checkpoint', position: this.#position, cause });
  }
}
