import type { CoordinatorEffect, CoordinatorEvent, Task } from './events.ts';
import { Leasing } from './leasing.ts';
import { Membership } from './membership.ts';
import { SynchronousMode, type Next } from './modes/synchronous.ts';
import { DEFAULT_COORDINATOR_OPTIONS, type CoordinatorOptions } from './options.ts';
import { FROM_THE_START, type StartingPoint, type TaskSequence } from './task-sequence.ts';
import { Turn } from './turn.ts';

/** A gap between two events that only a process that stood still can leave: ticks come every second. */
const STANDSTILL_MS = 3_000;

type Phase =
  /** Blocks of the task are being leased and collected. */
  | { readonly name: 'collecting' }
  /** All leaves are in; the server was asked to conclude the task and has not answered. */
  | { readonly name: 'concluding'; readonly task: Task }
  | { readonly name: 'finished' };

/** Why nothing is leased: too few workers are ready, or an operator wants it so; null while leases are given. */
type Standstill = 'waiting' | 'paused' | null;

/**
 * The coordinator: takes events and the time, returns effects, does no I/O and reads no clock. It sees ids, steps and blocks, never
 * tensors. The membership knows who is there, the leasing who computes what, the mode what is to be computed next. After every event
 * it settles: whatever the joint state allows is ordered at once, however that state was reached, so no arrival order can leave a
 * step waiting for something that has already happened.
 */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #turn = new Turn();
  readonly #membership: Membership;
  readonly #leasing: Leasing;
  readonly #mode: SynchronousMode;
  #phase: Phase = { name: 'collecting' };
  #standstill: Standstill = null;
  /** An operator wants no step to begin. */
  #isPauseWanted = false;

  constructor(sequence: TaskSequence, start = FROM_THE_START, options = DEFAULT_COORDINATOR_OPTIONS) {
    this.#options = options;
    const turn = this.#turn;
    this.#membership = new Membership(options, turn, (member, reason) => this.#leasing.release(member, reason));
    this.#leasing = new Leasing(options, turn, this.#membership);
    this.#mode = new SynchronousMode(sequence, start, options, turn);
    // The opening is reported with the first event's effects.
    this.#follow(this.#mode.next());
  }

  /** Workers that may be leased work now. */
  get readyWorkers(): number {
    return this.#membership.ready;
  }

  get finished(): boolean {
    return this.#phase.name === 'finished';
  }

  /** Where a copy of this coordinator would have to start. Between events. */
  get standing(): StartingPoint {
    return this.#mode.standing;
  }

  /** The next time at which a `tick` would change something; Infinity when none would. */
  get wakeAtMs(): number {
    if (this.finished) return Infinity;
    const { wakeAtMs } = this.#membership;
    const { stallAtMs } = this.#leasing;
    return this.#standstill === null && stallAtMs > this.#turn.nowMs ? Math.min(wakeAtMs, stallAtMs) : wakeAtMs;
  }

  /** @param nowMs milliseconds on a clock that never goes back. */
  handle(event: CoordinatorEvent, nowMs: number): readonly CoordinatorEffect[] {
    this.#passTime(nowMs);
    this.#apply(event);
    if (!this.finished) this.#membership.check();
    this.#settle();
    return this.#turn.takeOrders();
  }

  #passTime(nowMs: number): void {
    const gapMs = nowMs - this.#turn.nowMs;
    const isFirst = this.#turn.nowMs === -Infinity;
    this.#turn.nowMs = Math.max(this.#turn.nowMs, nowMs);
    if (isFirst) {
      this.#leasing.restartStall();
      this.#mode.startClock(nowMs);
    } else if (gapMs > STANDSTILL_MS) {
      // This process was stopped, or its machine slept: the silence was its own.
      this.#membership.forgive(gapMs);
      this.#leasing.forgive(gapMs);
    }
  }

  #apply(event: CoordinatorEvent): void {
    if ('workerId' in event) this.#membership.hear(event.workerId);
    switch (event.type) {
      case 'worker-joined':
        return this.#leasing.recall(this.#membership.join(event.workerId, event.origin), event.holding);
      case 'worker-heard':
      case 'tick':
        return;
      case 'worker-lost':
        return this.#membership.lose(event.workerId, event.reason);
      case 'worker-left':
        return this.#membership.leave(event.workerId, event.reason, event.atFault);
      case 'worker-draining': {
        const member = this.#membership.get(event.workerId);
        if (member !== undefined) member.draining = true;
        return;
      }
      case 'result-received':
        return this.#leasing.collect(event.workerId, event, event.suspicion);
      case 'lease-returned':
        return this.#leasing.giveBack(event.workerId, event);
      case 'committed':
        this.#concluded(event.task, 'gradient');
        this.#leasing.confirm();
        return this.#follow(this.#mode.committed(event.isSaved));
      case 'commit-refused': {
        const next = this.#mode.refused(this.#concluded(event.task, 'gradient'), event.reason);
        return next === null ? undefined : this.#follow(next);
      }
      case 'skipped':
        this.#concluded(event.task, 'gradient');
        return this.#follow(this.#mode.skipped(event.isSaved));
      case 'evaluated':
        return this.#follow(this.#mode.evaluated(this.#concluded(event.task, 'evaluation'), event.isSaved));
      case 'training-ended':
        if (this.#phase.name !== 'concluding') throw new Error('the training was ended while a task is being computed');
        return this.#mode.endTraining(event.reason);
      case 'checkpoint-requested':
        // Where the run is paused no step follows that could be waited for.
        return this.#standstill === 'paused' ? this.#mode.saveAgain() : this.#mode.requestCheckpoint();
      case 'pause-requested':
        this.#isPauseWanted = true;
        return;
      case 'unpause-requested':
        this.#isPauseWanted = false;
        return;
      case 'restart-requested': {
        const { task } = this.#leasing;
        if (this.#phase.name !== 'collecting' || task === null) return;
        return this.#follow(this.#mode.restart(task));
      }
      case 'parameters-replaced':
        for (const member of this.#membership) member.parametersAt = -1;
        return;
      case 'stop-requested':
        return this.#finish('interrupted', event.reason);
      case 'halt-requested':
        return this.#finish('halted', event.reason);
      default:
        event satisfies never;
    }
  }

  /** Orders everything that the joint state allows. */
  #settle(): void {
    const { task } = this.#leasing;
    if (this.#phase.name !== 'collecting' || task === null) return;
    if (this.#leasing.isComplete) {
      this.#leasing.close();
      this.#phase = { name: 'concluding', task };
      return this.#turn.order(task.kind === 'gradient' ? { type: 'commit', task } : { type: 'evaluate', task });
    }
    const { ready } = this.#membership;
    this.#stand(this.#mayPause(task) ? 'paused' : ready < this.#options.minWorkers ? 'waiting' : null, ready);
    if (this.#standstill !== null) return;
    this.#leasing.assign(ready);
    if (this.#turn.nowMs >= this.#leasing.stallAtMs) this.#leasing.reportStall();
  }

  /** A step that somebody computes already is finished first, and so is what is due after it. */
  #mayPause(task: Task): boolean {
    return this.#isPauseWanted && task.kind === 'gradient' && task.attempt === 1 && this.#leasing.isUntouched;
  }

  #stand(standstill: Standstill, ready: number): void {
    if (standstill === this.#standstill) return;
    if (this.#standstill === 'paused') this.#mode.startClock(this.#turn.nowMs);
    this.#standstill = standstill;
    this.#leasing.restartStall();
    switch (standstill) {
      case 'paused':
        // Its checkpoint comes first: whoever hears of the pause may switch this machine off.
        this.#mode.saveUnsaved();
        return this.#turn.order({ type: 'pause', step: this.#mode.standing.position.step });
      case 'waiting':
        return this.#turn.order({ type: 'wait', ready, minWorkers: this.#options.minWorkers });
      case null:
        return this.#turn.order({ type: 'resume', ready });
    }
  }

  #follow(next: Next): void {
    if (next.name === 'end') return this.#finish(next.outcome, next.reason);
    this.#phase = { name: 'collecting' };
    this.#leasing.open(next.task);
  }

  #finish(outcome: 'completed' | 'interrupted' | 'halted', reason: string): void {
    if (this.finished) return;
    this.#phase = { name: 'finished' };
    this.#leasing.close();
    this.#mode.finish(outcome, reason);
  }

  /** The task that the server has concluded. @throws Error when it was not asked to. */
  #concluded<Kind extends Task['kind']>(taskId: number, kind: Kind): Extract<Task, { kind: Kind }> {
    const phase = this.#phase;
    if (phase.name !== 'concluding' || phase.task.id !== taskId || phase.task.kind !== kind) {
      throw new Error(`the server concluded ${kind} task ${taskId}, which the coordinator had not asked for`);
    }
    return phase.task as Extract<Task, { kind: Kind }>;
  }
}
