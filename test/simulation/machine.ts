import type { TaskSequence } from '@convoy/training/coordinator/task-sequence';
import {
  SynchronousCoordinator,
  type CoordinatorOptions,
  type StartingPoint,
} from '@convoy/training/coordinator/synchronous';

/** What a server needs of a coordinator: the real one has it, and so have its mutants. */
export type Machine = Pick<SynchronousCoordinator, 'handle' | 'wakeAtMs' | 'readyWorkers' | 'finished' | 'standing'>;

export type MachineClass = new (sequence: TaskSequence, start?: StartingPoint, options?: CoordinatorOptions) => Machine;

export const realMachine: MachineClass = SynchronousCoordinator;
