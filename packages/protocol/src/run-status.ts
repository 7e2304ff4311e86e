import type { Block } from './messages.ts';
import type { HealthFinding } from './run-events.ts';

/** How a run stands at one moment: what `convoy status` asks a coordinator for. */
export interface RunStatus {
  readonly run: string;
  /**
   * `opening` before the first step of this process, `waiting` below the least number of workers, `paused` when an operator wants it
   * so, `ended` with its reason below. A run's folder also tells of one that its process `left` before its end.
   */
  readonly state: 'opening' | 'waiting' | 'training' | 'evaluating' | 'paused' | 'ended' | 'left';
  /** Commits so far, and in all if nothing ends the training before. */
  readonly step: number;
  readonly totalSteps: number;
  /** The epoch of the last step, from 0; null before it. */
  readonly epoch: number | null;
  /** Of the last step. */
  readonly loss: number | null;
  readonly learningRate: number | null;
  /** Median over the last steps. */
  readonly stepMs: number | null;
  readonly samplesPerSecond: number | null;
  /** What the run waits for, or why it has ended, in words; null while it goes on. */
  readonly waitingFor: string | null;
  readonly checkpoint: { readonly step: number; readonly path: string; readonly atMs: number } | null;
  /** What is wrong with the training at the moment, or worth knowing about it. */
  readonly health: readonly HealthFinding[];
  readonly workers: readonly WorkerStatus[];
}

/** A worker that takes part. */
export interface WorkerStatus {
  readonly rank: number;
  /** Its host and process. */
  readonly name: string;
  readonly engine: string;
  /** Its address, and the name of its token where there are tokens. */
  readonly origin: string;
  /** `away`: its connection is lost; `leaving`: it gets no more work. */
  readonly state: 'computing' | 'idle' | 'leaving' | 'away';
  /** While it computes, by its own account; null before its first result. */
  readonly samplesPerSecond: number | null;
  /** What it computes at the moment; null while it has nothing to compute, or is away. */
  readonly lease: RunningLease | null;
}

export interface RunningLease {
  /** Commits before the step, or before the evaluation. */
  readonly step: number;
  readonly work: 'gradient' | 'evaluation';
  /** Of the step's micro-batches, or of the evaluation's pieces. */
  readonly block: Block;
  /** Since it was given. */
  readonly forMs: number;
}

/** How far the present step or evaluation is. */
export interface TaskProgress {
  readonly work: 'gradient' | 'validation' | 'test';
  /** Commits before it. */
  readonly step: number;
  /** Micro-batches, or pieces of an evaluation: how many have come in, and all of them. */
  readonly done: number;
  readonly leaves: number;
}
