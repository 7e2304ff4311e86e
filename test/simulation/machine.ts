import type { Course } from '@convoy/training/coordinator/course';
import {
  SynchronousCoordinator,
  type CoordinatorOptions,
  type StartingPoint,
} from '@convoy/training/coordinator/synchronous';

/** What a server needs of a coordinator: the real one has it, and so have its mutants. */
export type Machine = Pick<SynchronousCoordinator, 'handle' | 'wakeAtMs' | 'readyWorkers' | 'finished' | 'standing'>;

export type MachineClass = new (course: Course, start?: StartingPoint, options?: CoordinatorOptions) => Machine;

export const realMachine: MachineClass = SynchronousCoordinator;
