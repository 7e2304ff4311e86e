import type { TensorTable } from '@convoy/protocol/tensor';
import type { HealthFinding, Rollback, RunOutcome, RunSummary } from '@convoy/protocol/run-events';
import type { CheckpointStore } from '@convoy/run-store/checkpoint-store';
import type { RunFolder } from '@convoy/run-store/run-folder';
import { saveResult } from '@convoy/run-store/save-result';
import type { Reaction } from './health-watch.ts';
import type { RunContext } from './run-context.ts';
import type { Ending } from './endings.ts';

export interface RunEnd extends Ending {
  readonly summary: RunSummary;
  /** What the run was halted or rolled back for; null when its training had not collapsed. */
  readonly collapse: HealthFinding | null;
  /** Why the result is not on the disk, in one line; null when it is. */
  readonly unsaved: string | null;
}

/** Where a run is written down. */
export interface RunDisk {
  readonly folder: Pick<RunFolder, 'saveParameters' | 'close'>;
  /** Null keeps none. */
  readonly checkpoints: Pick<CheckpointStore, 'flush' | 'save' | 'settle'> | null;
  /** Throws when another process serves the run now: asked before the run's result is written. */
  readonly fence?: () => Promise<void>;
  /** Makes the run's folder go on from before a collapse: asked for when the health watch wants it. */
  readonly rollBack?: (finding: HealthFinding, fromStep: number) => Promise<Rollback>;
}

/** How a server's turn ended, with all that is written of it. */
export interface LastState {
  readonly outcome: RunOutcome;
  readonly reason: string;
  readonly summary: RunSummary;
  readonly parameters: Float32Array;
  readonly model: { readonly tensors: TensorTable; readonly hash: string };
  /** What was being done about a collapse. */
  readonly reaction: Reaction | null;
}

/**
 * Completes the run's folder: the result, or, where a collapse is to be rolled back, what the next server starts from.
 * @throws what the disk threw.
 */
export async function concludeRun(
  last: LastState,
  disk: RunDisk,
  { report, clock }: Pick<RunContext, 'report' | 'clock'>,
): Promise<RunEnd> {
  const { outcome, reason, summary, parameters, model, reaction } = last;
  const { folder, checkpoints, fence, rollBack } = disk;
  const collapse = reaction?.finding ?? null;
  if (reaction?.action === 'rollback') {
    await checkpoints?.flush();
    await fence?.();
    report({ type: 'rolled-back', ...(await rollBack!(reaction.finding, summary.steps)) });
    folder.close();
    return { outcome: 'rolled-back', reason, summary, collapse, unsaved: null };
  }
  const save = async () => {
    // The checkpoint first: it is what the run can go on from.
    await checkpoints?.settle();
    await fence?.();
    folder.saveParameters(parameters, summary.steps, model.tensors, model.hash);
  };
  const onRefused = (why: string) =>
    report({ type: 'checkpoint-failed', step: summary.steps, reason: `the result is not saved yet: ${why}` });
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  const unsaved = await saveResult({ save, now: () => clock.now(), pause, onRefused });
  report({ type: 'run-ended', reason, ...summary });
  folder.close();
  return { outcome, reason, summary, collapse, unsaved };
}
