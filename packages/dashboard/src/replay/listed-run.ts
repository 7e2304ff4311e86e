import type { MetricName } from '@convoy/protocol/metric';
import type { RunState } from './replay.ts';

/** A run in a list. */
export interface ListedRun {
  /** What it is asked for by: its folder's name. */
  readonly name: string;
  /** `left`: nobody serves it, and it has not come to its end. */
  readonly state: RunState['name'] | 'left';
  readonly step: number;
  readonly totalSteps: number;
  readonly startedAt: number | null;
  readonly lastAt: number | null;
  /** What was measured beside the loss. */
  readonly metric: MetricName;
  /** Of the last validation that is known without reading all; null where there is none, or it was not finite. */
  readonly validationMetric: number | null;
  readonly testMetric: number | null;
}

/** Runs that can be laid over one another: of more, the curves could not be told apart. */
export const MAX_OVERLAID = 12;
