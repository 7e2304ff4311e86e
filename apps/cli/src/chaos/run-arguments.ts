import { callbackArguments } from '../flags/callbacks.ts';
import type { RunFlags } from '../flags/run.ts';
import type { EngineOptions } from '@convoy/worker/engine-options';

/** The options that decide a run's result, as arguments of another convoy command, and where its data are; `steps` instead of the flags' if given. */
export function runArguments(flags: RunFlags, steps: number | undefined = flags.steps): string[] {
  const values: readonly (readonly [option: string, value: string | number | undefined])[] = [
    ['config', flags.config],
    ['recipe', flags.recipe],
    ['model', flags.model],
    ['dataset', flags.dataset],
    ['synthetic-size', flags.syntheticSize],
    ['epochs', flags.epochs],
    ['steps', steps],
    ['batch-size', flags.batchSize],
    ['micro-batch', flags.microBatch],
    ['seed', flags.seed],
    ['lr', flags.lr],
    ['optimizer', flags.optimizer],
    ['momentum', flags.momentum],
    ['weight-decay', flags.weightDecay],
    ['clip-norm', flags.clipNorm],
    ['schedule', flags.schedule],
    ['warmup', flags.warmup],
    ['decay-steps', flags.decaySteps?.join()],
    ['decay-rate', flags.decayRate],
    ['validation-split', flags.validationSplit],
    ['gradients', flags.gradients],
    ['augment', flags.augment && (flags.augment.join() || 'none')],
    ['cutout', flags.cutout],
    ['mixup', flags.mixup],
    ['label-smoothing', flags.labelSmoothing],
  ];
  const args = values.flatMap(([option, value]) => (value === undefined ? [] : [`--${option}`, String(value)]));
  if (flags.nesterov) args.push('--nesterov');
  args.push(...callbackArguments(flags));
  for (const name of ['dropout', 'shuffle'] as const) {
    if (flags[name] !== undefined) args.push(flags[name] ? `--${name}` : `--no-${name}`);
  }
  return [...args, ...dataArguments(flags), '--deterministic'];
}

/** The options of a coordinator that its run's result does not depend on. */
export function coordinatorArguments({ checkpointEvery, keepCheckpoints, minWorkers, deadAfter }: RunFlags): string[] {
  const { steps, ms } = checkpointEvery;
  const every = steps !== null ? String(steps) : ms !== null ? `${ms / 1000}s` : '0';
  return [
    ...['--checkpoint-every', every, '--keep-checkpoints', String(keepCheckpoints)],
    ...['--min-workers', String(minWorkers), '--dead-after', String(deadAfter)],
  ];
}

/** How a process computes. */
export function engineArguments({ engine, threads }: EngineOptions): string[] {
  return ['--engine', engine, '--threads', String(threads ?? 1)];
}

/** Where the data are, if it was said. */
export function dataArguments({ dataDir, workload }: Pick<RunFlags, 'dataDir' | 'workload'>): string[] {
  return [
    ...(dataDir === undefined ? [] : ['--data-dir', dataDir]),
    ...(workload === undefined ? [] : ['--workload', workload]),
  ];
}
