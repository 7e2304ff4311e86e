import { Coordinator } from '@convoy/training/coordinator/coordinator';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import type { StartingPoint, TaskSequence } from '@convoy/training/coordinator/task-sequence';

/** What a server needs of a coordinator: the real one has it, and so have its mutants. */
export type Machine = Pick<Coordinator, 'handle' | 'wakeAtMs' | 'readyWorkers' | 'finished' | 'standing'>;

export type MachineClass = new (sequence: TaskSequence, start?: StartingPoint, options?: CoordinatorOptions) => Machine;

export const realMachine: MachineClass = Coordinator;
