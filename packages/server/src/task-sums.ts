import type { Block } from '@convoy/protocol/messages';
import { TreeReduction, type Sums } from '@convoy/numerics/reduction';
import { allocateVector } from '@convoy/numerics/vectors';
import type { Task, WorkerId } from '@convoy/training/coordinator/events';

/** Who computed a result, and of which block of which task. */
export interface ResultKey {
  readonly workerId: WorkerId;
  readonly task: number;
  readonly block: Block;
}

export interface TaskSumsOptions {
  /** Is given each vector that is not needed any more. */
  readonly recycle: (vector: Float32Array) => void;
  /** What a sum is; the run's gradient format decides. */
  readonly add?: (sum: Float32Array, addend: Float32Array) => void;
}

/** The sums of the present task. Results wait here by task, block and worker until the coordinator has decided about them. */
export class TaskSums<Delivery extends Sums = Sums> {
  readonly #options: TaskSumsOptions;
  readonly #waiting = new Map<string, Delivery>();
  #reduction: { readonly task: Task; readonly tree: TreeReduction } | null = null;
  #collected = 0;

  constructor(options: TaskSumsOptions) {
    this.#options = options;
  }

  /** The task whose blocks are being collected; null before the first. */
  get task(): Task | null {
    return this.#reduction?.task ?? null;
  }

  /** Leaves of the present task that are in the sum. */
  get collected(): number {
    return this.#collected;
  }

  /** Begins another task; what was collected of the one before it is done with. */
  open(task: Task): void {
    const { recycle, add } = this.#options;
    this.#reduction?.tree.clear();
    this.#collected = 0;
    this.#reduction = { task, tree: new TreeReduction(task.leaves, undefined, recycle, add) };
  }

  /** Keeps a result until {@link collect} or {@link discard} is called for it. */
  keep(key: ResultKey, delivery: Delivery): void {
    this.#waiting.set(nameOf(key), delivery);
  }

  /** Takes a kept result into the sum. @returns it; its vector is the sum's from now on. */
  collect(key: ResultKey): Delivery {
    const delivery = this.#take(key);
    if (delivery === undefined) throw new Error(`block ${nameOf(key)} was collected, which nobody has delivered`);
    this.#reduction!.tree.add(key.block, delivery);
    this.#collected += key.block.size;
    return delivery;
  }

  /** Forgets a result, if it was kept: one that is of no present task is not. */
  discard(key: ResultKey): void {
    const vector = this.#take(key)?.vector;
    if (vector) this.#options.recycle(vector);
  }

  /** The sums of the whole task. @throws Error when a block is missing. */
  get total(): Sums {
    const total = this.#reduction?.tree.total;
    if (total === undefined) throw new Error('a task was concluded whose sum is not complete');
    return total;
  }

  #take(key: ResultKey): Delivery | undefined {
    const name = nameOf(key);
    const delivery = this.#waiting.get(name);
    this.#waiting.delete(name);
    return delivery;
  }
}

/** Flat vectors that are used again: a fresh one costs more in page faults than the copy into it. */
export class SumBuffers {
  readonly #length: number;
  readonly #free: Float32Array[] = [];

  constructor(length: number) {
    this.#length = length;
  }

  take(): Float32Array {
    return this.#free.pop() ?? allocateVector(this.#length);
  }

  readonly give = (buffer: Float32Array): void => {
    this.#free.push(buffer);
  };
}

function nameOf({ workerId, task, block }: ResultKey): string {
  return `${block.start}+${block.size} of task ${task}, by ${workerId}`;
}
