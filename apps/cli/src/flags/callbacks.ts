import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  MONITORS,
  type CallbacksOptions,
  type ModelCheckpointConfig,
  type Monitor,
} from '@convoy/protocol/callbacks-config';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { positiveNumber, wholeNumber } from './values.ts';

/** Options that decide at the end of an epoch, as the command line gives them; what is absent is as in the configuration below, else as in Keras. */
export interface CallbackFlags {
  /** Epochs of patience; true where no number was given. */
  readonly earlyStopping?: number | true;
  readonly restoreBest?: true;
  readonly baseline?: number;
  readonly startFromEpoch?: number;
  readonly reduceLrOnPlateau?: number | true;
  readonly factor?: number;
  readonly cooldown?: number;
  readonly minLr?: number;
  readonly monitor?: Monitor;
  readonly mode?: ModelCheckpointConfig['mode'];
  readonly minDelta?: number;
  readonly saveBestOnly?: true;
}

/** Their names: a resumed run can't be given others. */
export const CALLBACK_FLAGS: readonly (keyof CallbackFlags)[] = [
  'earlyStopping',
  'restoreBest',
  'baseline',
  'startFromEpoch',
  'reduceLrOnPlateau',
  'factor',
  'cooldown',
  'minLr',
  'monitor',
  'mode',
  'minDelta',
  'saveBestOnly',
];

/** Adds the options that decide at the end of an epoch. */
export function addCallbackOptions(command: Command): Command {
  return command
    .option(
      '--early-stopping [patience]',
      'end after this many epochs in a row that were not better (default: 0, as in Keras)',
      wholeNumber,
    )
    .option('--restore-best', 'end with the parameters of the best epoch; for --early-stopping')
    .option('--baseline <value>', 'what the figure must be better than as well; for --early-stopping', finite)
    .option('--start-from-epoch <n>', 'epochs, from 0, that --early-stopping lets pass first', wholeNumber)
    .option(
      '--reduce-lr-on-plateau [patience]',
      'lower the learning rate after this many epochs in a row that were not better (default: 10)',
      wholeNumber,
    )
    .option('--factor <f>', 'what --reduce-lr-on-plateau multiplies the rate by (default: 0.1)', factor)
    .option(
      '--cooldown <epochs>',
      'epochs that --reduce-lr-on-plateau lets pass after it has (default: 0)',
      wholeNumber,
    )
    .option('--min-lr <rate>', 'the lowest rate that --reduce-lr-on-plateau sets (default: 0)', positiveNumber)
    .addOption(
      new Option(
        '--monitor <figure>',
        'what tells whether an epoch was better (default: val_loss; of checkpoints val_accuracy, in a classification)',
      ).choices(MONITORS),
    )
    .addOption(new Option('--mode <mode>', 'whether less or more of it is better').choices(['auto', 'min', 'max']))
    .option(
      '--min-delta <x>',
      'what is better by no more than this is not better (default: 0; of a plateau 0.0001)',
      amount,
    )
    .option('--save-best-only', "at an epoch's end, write a checkpoint only if it is the best so far");
}

/**
 * The run's callbacks as the flags ask for them, over those of the configuration below; undefined when they ask for nothing.
 * @param below the configuration without the flags.
 * @throws OperatorError naming the flags that do not fit together.
 */
export function callbacksFromFlags(
  flags: CallbackFlags & { readonly validationSplit?: number },
  { callbacks: below }: Pick<RunConfig, 'callbacks'>,
): CallbacksOptions | undefined {
  if (CALLBACK_FLAGS.every((name) => flags[name] === undefined)) return undefined;
  const { earlyStopping, restoreBest, baseline, startFromEpoch } = flags;
  const { reduceLrOnPlateau, factor, cooldown, minLr, monitor, mode, minDelta, saveBestOnly } = flags;
  const stops = earlyStopping !== undefined || below.earlyStopping !== null;
  const reduces = reduceLrOnPlateau !== undefined || below.reduceLROnPlateau !== null;
  belongTo(stops, '--early-stopping', {
    '--restore-best': restoreBest,
    '--baseline': baseline,
    '--start-from-epoch': startFromEpoch,
  });
  belongTo(reduces, '--reduce-lr-on-plateau', {
    '--factor': factor,
    '--cooldown': cooldown,
    '--min-lr': minLr,
  });
  belongTo(stops || reduces, '--early-stopping or --reduce-lr-on-plateau', { '--min-delta': minDelta });
  checkMonitor(flags);
  const common = { monitor, mode, minDelta };
  return {
    earlyStopping: stops
      ? {
          ...common,
          patience: earlyStopping === true ? undefined : earlyStopping,
          restoreBestWeights: restoreBest,
          baseline,
          startFromEpoch,
        }
      : undefined,
    reduceLROnPlateau: reduces
      ? {
          ...common,
          patience: reduceLrOnPlateau === true ? undefined : reduceLrOnPlateau,
          factor,
          cooldown,
          minLR: minLr,
        }
      : undefined,
    modelCheckpoint: { monitor, mode, saveBestOnly },
  };
}

/** The flags as arguments of another command. */
export function callbackArguments(flags: CallbackFlags): string[] {
  return CALLBACK_FLAGS.flatMap((name) => {
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const value = flags[name];
    if (value === undefined) return [];
    return value === true ? [option] : [option, String(value)];
  });
}

function belongTo(isThere: boolean, name: string, flags: Readonly<Record<string, unknown>>): void {
  if (isThere) return;
  const [stray] = Object.entries(flags).find(([, value]) => value !== undefined) ?? [];
  if (stray !== undefined) throw new OperatorError(`${stray} is for ${name}: add that, or leave it out`);
}

function checkMonitor({
  earlyStopping,
  reduceLrOnPlateau,
  saveBestOnly,
  monitor = 'val_loss',
  validationSplit,
}: CallbackFlags & { readonly validationSplit?: number }): void {
  if (validationSplit !== 0 || !monitor.startsWith('val_')) return;
  if (earlyStopping === undefined && reduceLrOnPlateau === undefined && saveBestOnly === undefined) return;
  throw new OperatorError(
    `with --validation-split 0 there is no ${monitor} to go by: add --monitor loss, or hold samples out`,
  );
}

function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

function amount(text: string): number {
  const value = finite(text);
  if (value < 0) throw new InvalidArgumentError('It must be at least 0.');
  return value;
}

function factor(text: string): number {
  const value = finite(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It must be above 0 and below 1.');
  return value;
}
