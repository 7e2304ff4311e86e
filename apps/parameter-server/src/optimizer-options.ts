import { InvalidArgumentError, Option, type Command } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import type { OptimizerConfig, ScheduleConfig } from '@convoy/protocol/run-config';
import type { RunOptions } from '@convoy/training/config';
import { DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { fraction, positiveInteger, positiveNumber } from './option-values.ts';

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

/** Schedules that a few numbers make: a table of rates is for programs. */
type NamedSchedule = Exclude<ScheduleConfig['name'], 'table'>;

const SCHEDULES: readonly NamedSchedule[] = ['constant', 'step', 'exponential', 'cosine'];
/** What is left of the rate after a decay, where nothing else is said. */
const DEFAULT_DECAY_RATE = 0.1;

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
    .option(
      '--decay-rate <f>',
      `what a decay of step or exponential multiplies the rate by (default: ${DEFAULT_DECAY_RATE})`,
      decayRate,
    );
}

/**
 * The run's optimizer and schedule as the flags ask for them.
 * @throws OperatorError naming the flags that do not fit together.
 */
export function optimizerFromFlags(
  flags: OptimizerFlags & { readonly steps?: number },
): Pick<RunOptions, 'learningRate' | 'optimizer' | 'optimizerSettings' | 'schedule'> {
  const { momentum, nesterov, weightDecay, clipNorm } = flags;
  if (nesterov && !momentum) throw new OperatorError('--nesterov needs a --momentum above 0, like 0.9');
  return {
    learningRate: flags.lr,
    optimizer: flags.optimizer,
    optimizerSettings: { momentum, nesterov, weightDecay, clipNorm },
    schedule: scheduleFromFlags(flags),
  };
}

function scheduleFromFlags({
  schedule,
  warmup = 0,
  decaySteps,
  decayRate,
  steps = Infinity,
}: OptimizerFlags & { readonly steps?: number }): ScheduleConfig | undefined {
  if (warmup >= steps) throw new OperatorError(`--warmup (${warmup}) must be below --steps (${steps})`);
  const name = schedule ?? 'constant';
  if (decaySteps !== undefined && name === 'constant') {
    throw new OperatorError('--decay-steps is for --schedule step, exponential or cosine');
  }
  if (decayRate !== undefined && name !== 'step' && name !== 'exponential') {
    throw new OperatorError('--decay-rate is for --schedule step or exponential');
  }
  if (name !== 'step' && decaySteps !== undefined && decaySteps.length > 1) {
    throw new OperatorError(`--schedule ${name} takes one number of --decay-steps, not ${decaySteps.length}`);
  }
  const common = { per: 'step', warmup } as const;
  switch (name) {
    case 'constant':
      return schedule === undefined && warmup === 0 ? undefined : { name, ...common };
    case 'step':
      if (decaySteps === undefined) throw new OperatorError('--schedule step needs --decay-steps, like 400,600');
      return { name, ...common, boundaries: [...decaySteps], decayRate: decayRate ?? DEFAULT_DECAY_RATE };
    case 'exponential':
      if (decaySteps === undefined) throw new OperatorError('--schedule exponential needs --decay-steps, like 1000');
      return {
        name,
        ...common,
        decaySteps: decaySteps[0]!,
        decayRate: decayRate ?? DEFAULT_DECAY_RATE,
        staircase: false,
      };
    case 'cosine':
      return { name, ...common, decaySteps: decaySteps?.[0] ?? null, alpha: 0 };
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
