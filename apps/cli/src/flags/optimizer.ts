import { InvalidArgumentError, Option, type Command } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import type { OptimizerConfig, RunConfig, ScheduleConfig } from '@convoy/protocol/run-config';
import { DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import type { Settings } from '@convoy/training/settings';
import { fraction, positiveInteger, positiveNumber } from './values.ts';

/** Options that decide how the parameters move, as the command line gives them; what is absent comes from the recipe. */
export interface OptimizerFlags {
  readonly lr?: number;
  readonly optimizer?: OptimizerConfig['name'];
  readonly momentum?: number;
  readonly nesterov?: true;
  readonly weightDecay?: number;
  readonly clipNorm?: number;
  readonly schedule?: NamedSchedule;
  readonly warmup?: number;
  readonly decaySteps?: readonly number[];
  readonly decayRate?: number;
}

/** Their names: a resumed run can't be given others. */
export const OPTIMIZER_FLAGS: readonly (keyof OptimizerFlags)[] = [
  'lr',
  'optimizer',
  'momentum',
  'nesterov',
  'weightDecay',
  'clipNorm',
  'schedule',
  'warmup',
  'decaySteps',
  'decayRate',
];

/** Schedules that a few numbers make: a table of rates is for files and programs. */
type NamedSchedule = Exclude<ScheduleConfig['name'], 'table'>;

const SCHEDULES: readonly NamedSchedule[] = ['constant', 'step', 'exponential', 'cosine'];

/** Adds the options that decide how the parameters move. */
export function addOptimizerOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--optimizer <name>', "with Keras's defaults (default: the recipe's)").choices(
        Object.keys(DEFAULT_OPTIMIZERS),
      ),
    )
    .option('--lr <rate>', "learning rate (default: the recipe's, or the optimizer's in Keras)", positiveNumber)
    .option('--momentum <f>', 'of sgd and rmsprop', fraction)
    .option('--nesterov', "Nesterov's momentum, for sgd")
    .option('--weight-decay <f>', 'part of the parameters, times the rate, that every step takes off', positiveNumber)
    .option('--clip-norm <n>', 'scale the gradient down to this norm where it is longer', positiveNumber)
    .addOption(new Option('--schedule <name>', "of the learning rate (default: the recipe's)").choices(SCHEDULES))
    .option(
      '--warmup <steps>',
      'steps in which the rate first rises from 0; the schedule begins after them',
      positiveInteger,
    )
    .option(
      '--decay-steps <n>',
      "step: after which steps the rate falls (400,600); exponential: for one decay; cosine: down to 0 (default: the run's end)",
      stepList,
    )
    .option('--decay-rate <f>', 'what a decay of step or exponential multiplies the rate by (default: 0.1)', decayRate);
}

/**
 * The run's optimizer and schedule as the flags ask for them.
 * @param below the configuration without them.
 * @throws OperatorError naming the flags that do not fit together.
 */
export function optimizerFromFlags(
  flags: OptimizerFlags & { readonly steps?: number },
  below: Pick<RunConfig, 'schedule' | 'maxSteps'>,
): Pick<Settings, 'optimizer' | 'schedule'> {
  const { optimizer: name, lr: learningRate, momentum, nesterov, weightDecay, clipNorm } = flags;
  // Whether the optimizer has all of these is known when the layers are one.
  const optimizer = { name, learningRate, momentum, nesterov, weightDecay, clipNorm } as Settings['optimizer'];
  return { optimizer, schedule: scheduleFromFlags(flags, below) };
}

function scheduleFromFlags(
  { schedule, warmup, decaySteps, decayRate, steps }: OptimizerFlags & { readonly steps?: number },
  below: Pick<RunConfig, 'schedule' | 'maxSteps'>,
): Settings['schedule'] {
  const length = steps ?? below.maxSteps ?? Infinity;
  if (warmup !== undefined && warmup >= length) {
    throw new OperatorError(`--warmup (${warmup}) must be below --steps (${length})`);
  }
  const name = schedule ?? below.schedule.name;
  if (name === 'table') {
    if (warmup === undefined && decaySteps === undefined && decayRate === undefined) return undefined;
    throw new OperatorError(
      'a table of rates has no --warmup, --decay-steps or --decay-rate: choose another --schedule',
    );
  }
  if (decaySteps !== undefined && name === 'constant') {
    throw new OperatorError('--decay-steps is for --schedule step, exponential or cosine');
  }
  if (decayRate !== undefined && name !== 'step' && name !== 'exponential') {
    throw new OperatorError('--decay-rate is for --schedule step or exponential');
  }
  if (name !== 'step' && decaySteps !== undefined && decaySteps.length > 1) {
    throw new OperatorError(`--schedule ${name} takes one number of --decay-steps, not ${decaySteps.length}`);
  }
  const isAnother = name !== below.schedule.name;
  switch (name) {
    case 'constant':
      return { name, warmup };
    case 'step':
      if (decaySteps === undefined && isAnother) {
        throw new OperatorError('--schedule step needs --decay-steps, like 400,600');
      }
      return { name, warmup, boundaries: decaySteps && [...decaySteps], decayRate };
    case 'exponential':
      if (decaySteps === undefined && isAnother) {
        throw new OperatorError('--schedule exponential needs --decay-steps, like 1000');
      }
      return { name, warmup, decaySteps: decaySteps?.[0], decayRate };
    case 'cosine':
      return { name, warmup, decaySteps: decaySteps?.[0] };
    default:
      return name satisfies never;
  }
}

function stepList(text: string): readonly number[] {
  const steps = text.split(',').map(positiveInteger);
  if (steps.some((step, i) => i > 0 && step <= steps[i - 1]!)) throw new InvalidArgumentError('The steps must rise.');
  return steps;
}

function decayRate(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return value;
}
