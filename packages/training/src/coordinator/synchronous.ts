import type { Block } from '@convoy/protocol/messages';
import { FreeBlocks, floorPowerOfTwo, leavesOf, sameBlock } from '../blocks.ts';
import type { Course, Position } from './course.ts';
import type { CoordinatorEffect, CoordinatorEvent, EvaluationTask, GradientTask, Task, WorkerId } from './events.ts';

export interface CoordinatorOptions {
  /** Below this many ready workers the run pauses. */
  readonly minWorkers: number;
  /** Consecutive skipped steps after which the run halts. */
  readonly maxConsecutiveSkips: number;
}

export const DEFAULT_COORDINATOR_OPTIONS: CoordinatorOptions = { minWorkers: 1, maxConsecutiveSkips: 3 };

interface WorkerState {
  /** Order of joining decides who is served first. */
  readonly id: WorkerId;
  /** The version of the parameters it was sent last; −1 before the first. */
  parametersAt: number;
  lease: { readonly task: number; readonly block: Block } | null;
  draining: boolean;
}

type Phase =
  /** Blocks of the task are being leased and collected. */
  | { readonly name: 'collecting'; readonly task: Task; readonly free: FreeBlocks; readonly missing: Set<number> }
  /** All leaves are in; the server was asked to conclude the task and has not answered. */
  | { readonly name: 'concluding'; readonly task: Task }
  | { readonly name: 'finished' };

/**
 * The synchronous coordinator: takes events, returns effects, does no I/O and reads no clock. It sees ids, steps and
 * blocks, never tensors. After every event it settles: whatever the joint state allows is ordered at once, however that
 * state was reached, so no arrival order can leave a step waiting for something that has already happened.
 */
export class SynchronousCoordinator {
  readonly #course: Course;
  readonly #options: CoordinatorOptions;
  readonly #workers = new Map<WorkerId, WorkerState>();
  #position: Position;
  #phase: Phase;
  #effects: CoordinatorEffect[] = [];
  #nextTaskId = 0;
  #paused = false;
  #consecutiveSkips = 0;

  constructor(course: Course, position: Position = { step: 0, due: [] }, options = DEFAULT_COORDINATOR_OPTIONS) {
    this.#course = course;
    this.#position = position;
    this.#options = options;
    this.#phase = this.#open(position, 1);
    // The opening is reported with the first event's effects.
  }

  /** Workers that may be leased work now. */
  get readyWorkers(): number {
    let ready = 0;
    for (const worker of this.#workers.values()) if (!worker.draining) ready++;
    return ready;
  }

  get finished(): boolean {
    return this.#phase.name === 'finished';
  }

  handle(event: CoordinatorEvent): readonly CoordinatorEffect[] {
    this.#apply(event);
    this.#settle();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #apply(event: CoordinatorEvent): void {
    switch (event.type) {
      case 'worker-joined':
        if (this.#workers.has(event.workerId)) throw new Error(`worker ${event.workerId} joined twice`);
        this.#workers.set(event.workerId, { id: event.workerId, parametersAt: -1, lease: null, draining: false });
        return;
      case 'worker-left': {
        const worker = this.#workers.get(event.workerId);
        if (worker === undefined) return;
        this.#workers.delete(event.workerId);
        this.#release(worker, event.reason);
        return;
      }
      case 'worker-draining': {
        const worker = this.#workers.get(event.workerId);
        if (worker !== undefined) worker.draining = true;
        return;
      }
      case 'result-received':
        this.#collect(event.workerId, event.task, event.block);
        return;
      case 'result-invalid': {
        const worker = this.#workers.get(event.workerId);
        this.#discard(event.workerId, event.task, event.block, 'bad');
        if (worker !== undefined && holds(worker, event.task, event.block)) this.#release(worker, 'bad result');
        return;
      }
      case 'committed':
        this.#assertConcluding(event.task, 'gradient');
        this.#consecutiveSkips = 0;
        this.#advance(this.#course.afterCommit(this.#position.step));
        return;
      case 'commit-refused':
        this.#refuse(this.#assertConcluding(event.task, 'gradient') as GradientTask, event.reason);
        return;
      case 'evaluated':
        this.#assertConcluding(event.task, 'evaluation');
        this.#advance(this.#course.afterEvaluation(this.#position));
        return;
      case 'stop-requested':
        this.#finish('interrupted', event.reason);
        return;
      case 'halt-requested':
        this.#finish('halted', event.reason);
        return;
      default:
        event satisfies never;
    }
  }

  /** Orders everything that the joint state allows. */
  #settle(): void {
    const phase = this.#phase;
    if (phase.name !== 'collecting') return;
    if (phase.missing.size === 0) {
      this.#phase = { name: 'concluding', task: phase.task };
      this.#effects.push(
        phase.task.kind === 'gradient' ? { type: 'commit', task: phase.task } : { type: 'evaluate', task: phase.task },
      );
      return;
    }
    const ready = this.readyWorkers;
    const enough = ready >= this.#options.minWorkers;
    if (enough === this.#paused) {
      this.#paused = !enough;
      this.#effects.push(
        enough ? { type: 'resume', ready } : { type: 'pause', ready, minWorkers: this.#options.minWorkers },
      );
    }
    if (!enough) return;
    const maxSize = leaseSize(phase.task.leaves, ready);
    for (const worker of this.#workers.values()) {
      if (phase.free.isEmpty) return;
      if (worker.lease !== null || worker.draining) continue;
      const block = phase.free.take(maxSize)!;
      if (worker.parametersAt !== phase.task.step) {
        worker.parametersAt = phase.task.step;
        this.#effects.push({ type: 'send-parameters', workerId: worker.id, step: phase.task.step });
      }
      worker.lease = { task: phase.task.id, block };
      this.#effects.push({ type: 'lease', workerId: worker.id, task: phase.task, block });
    }
  }

  #collect(workerId: WorkerId, taskId: number, block: Block): void {
    const worker = this.#workers.get(workerId);
    const held = worker !== undefined && holds(worker, taskId, block);
    const phase = this.#phase;
    if (phase.name !== 'collecting' || phase.task.id !== taskId) {
      if (held) worker.lease = null;
      return this.#discard(workerId, taskId, block, 'stale');
    }
    if (!held) {
      // A block that was never leased to this worker as such, or whose leaves are in already.
      const { start, end } = leavesOf(block, phase.task.leaves);
      let known = start < end;
      for (let leaf = start; leaf < end; leaf++) if (phase.missing.has(leaf)) known = false;
      return this.#discard(workerId, taskId, block, known ? 'duplicate' : 'stale');
    }
    worker.lease = null;
    const { start, end } = leavesOf(block, phase.task.leaves);
    for (let leaf = start; leaf < end; leaf++) phase.missing.delete(leaf);
    this.#effects.push({ type: 'collect', workerId, task: phase.task, block });
  }

  #refuse(task: GradientTask, reason: string): void {
    if (task.attempt === 1) {
      this.#effects.push({ type: 'retry', task, reason });
      this.#phase = this.#open(this.#position, 2);
      return;
    }
    this.#effects.push({ type: 'skip', task, reason });
    this.#consecutiveSkips++;
    if (this.#consecutiveSkips >= this.#options.maxConsecutiveSkips) {
      this.#finish(
        'halted',
        `${this.#consecutiveSkips} steps in a row could not be applied, the last because ${reason}`,
      );
      return;
    }
    this.#advance(this.#course.afterCommit(this.#position.step));
  }

  #advance(position: Position): void {
    this.#position = position;
    this.#phase = this.#open(position, 1);
  }

  #open(position: Position, attempt: number): Phase {
    const next = this.#course.taskAt(position);
    if (next === undefined) {
      this.#effects.push({ type: 'finish', outcome: 'completed', reason: 'all steps are done' });
      return { name: 'finished' };
    }
    const id = this.#nextTaskId++;
    const task: Task = next.kind === 'gradient' ? { ...next, id, attempt } : { ...next, id };
    this.#effects.push({ type: 'open', task });
    const missing = new Set(Array.from({ length: task.leaves }, (_, leaf) => leaf));
    return { name: 'collecting', task, free: new FreeBlocks(task.leaves), missing };
  }

  #finish(outcome: 'interrupted' | 'halted', reason: string): void {
    if (this.#phase.name === 'finished') return;
    this.#phase = { name: 'finished' };
    this.#effects.push({ type: 'finish', outcome, reason });
  }

  /** What the worker holds becomes free again, if it is of the current task. */
  #release(worker: WorkerState, reason: string): void {
    const { lease } = worker;
    worker.lease = null;
    const phase = this.#phase;
    if (lease === null || phase.name !== 'collecting' || phase.task.id !== lease.task) return;
    phase.free.give(lease.block);
    this.#effects.push({ type: 'release', workerId: worker.id, task: phase.task, block: lease.block, reason });
  }

  #discard(workerId: WorkerId, task: number, block: Block, reason: 'stale' | 'duplicate' | 'bad'): void {
    this.#effects.push({ type: 'discard', workerId, task, block, reason });
  }

  #assertConcluding(taskId: number, kind: Task['kind']): GradientTask | EvaluationTask {
    const phase = this.#phase;
    if (phase.name !== 'concluding' || phase.task.id !== taskId || phase.task.kind !== kind) {
      throw new Error(`the server concluded ${kind} task ${taskId}, which the coordinator had not asked for`);
    }
    return phase.task;
  }
}

function holds(worker: WorkerState, task: number, block: Block): boolean {
  return worker.lease !== null && worker.lease.task === task && sameBlock(worker.lease.block, block);
}

/** Leaves per lease: as few uploads as possible without making the busiest worker's share larger than it must be. */
function leaseSize(leaves: number, ready: number): number {
  return floorPowerOfTwo(Math.max(1, Math.ceil(leaves / ready)));
}
