import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveLayers } from '@convoy/training/config';
import { addFlags, argumentsOf } from './flag.ts';
import { runFlags, type RunFlags } from './run.ts';
import { settingFlags } from './settings.ts';
import { settingsFromFlags } from './settings-from-flags.ts';

function flagsOf(...args: string[]): RunFlags {
  const command = addFlags(new Command(), runFlags)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(args, { from: 'user' }).opts<RunFlags>();
}

/** The configuration that a command line resolves to. */
function configOf(...args: string[]) {
  const flags = flagsOf(...args);
  return resolveLayers(cifar10, [{ settings: (below) => settingsFromFlags(flags, below) }], flags.recipe).config;
}

describe("a run's options", () => {
  it("leave the optimizer and the schedule to the recipe's when they are not given", () => {
    const { optimizer, schedule } = configOf();
    expect(optimizer).toMatchObject({ name: 'adam', learningRate: 1e-3, weightDecay: 0, clipNorm: null });
    expect(schedule).toEqual({ name: 'constant', per: 'step', warmup: 0 });
  });

  it("name an optimizer with Keras's defaults and change some of them", () => {
    expect(configOf('--optimizer', 'adamw', '--lr', '0.002').optimizer).toMatchObject({
      name: 'adamw',
      learningRate: 0.002,
      weightDecay: 0.004,
    });
    const sgd = ['--optimizer', 'sgd', '--momentum', '0.9', '--nesterov', '--weight-decay', '5e-4', '--clip-norm', '1'];
    expect(configOf(...sgd).optimizer).toEqual({
      name: 'sgd',
      learningRate: 0.01,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 5e-4,
      excludeFromWeightDecay: [],
      clipNorm: 1,
    });
    expect(configOf('--optimizer', 'rmsprop', '--momentum', '0.5').optimizer).toMatchObject({
      rho: 0.9,
      momentum: 0.5,
    });
  });

  it('set how many samples a piece of an evaluation has', () => {
    expect(configOf().evaluationBatchSize).toBe(250);
    expect(configOf('--evaluation-batch-size', '100').evaluationBatchSize).toBe(100);
  });

  it.each([
    [['--warmup', '5'], { name: 'constant', per: 'step', warmup: 5 }],
    [
      ['--schedule', 'step', '--decay-steps', '400,600'],
      { name: 'step', per: 'step', warmup: 0, boundaries: [400, 600], decayRate: 0.1 },
    ],
    [
      ['--schedule', 'exponential', '--decay-steps', '1000', '--decay-rate', '0.96'],
      { name: 'exponential', per: 'step', warmup: 0, decaySteps: 1000, decayRate: 0.96, staircase: false },
    ],
    [['--schedule', 'cosine', '--warmup', '3'], { name: 'cosine', per: 'step', warmup: 3, decaySteps: null, alpha: 0 }],
    [
      ['--schedule', 'cosine', '--decay-steps', '50'],
      { name: 'cosine', per: 'step', warmup: 0, decaySteps: 50, alpha: 0 },
    ],
  ])('make a schedule of %j', (args, schedule) => {
    expect(configOf(...args).schedule).toEqual(schedule);
  });

  it.each([
    [['--momentum', '0.9'], 'adam has no momentum: leave it out, or choose another optimizer'],
    [['--optimizer', 'sgd', '--nesterov'], '--nesterov needs a --momentum above 0, like 0.9'],
    [
      ['--optimizer', 'rmsprop', '--momentum', '0.9', '--nesterov'],
      'rmsprop has no nesterov: leave it out, or choose another optimizer',
    ],
    [['--schedule', 'step'], '--schedule step needs --decay-steps, like 400,600'],
    [['--schedule', 'exponential'], '--schedule exponential needs --decay-steps, like 1000'],
    [['--schedule', 'cosine', '--decay-steps', '4,6'], '--schedule cosine takes one number of --decay-steps, not 2'],
    [['--decay-steps', '9'], '--decay-steps is for --schedule step, exponential or cosine'],
    [['--schedule', 'cosine', '--decay-rate', '0.5'], '--decay-rate is for --schedule step or exponential'],
    [['--warmup', '20', '--steps', '20'], '--warmup (20) must be below --steps (20)'],
  ])('refuse %j in one line that says what to change', (args, message) => {
    expect(() => configOf(...args)).toThrow(message);
  });

  it.each([
    [['--optimizer', 'newton'], `Allowed choices are ${Object.keys(DEFAULT_OPTIMIZERS).join(', ')}`],
    [['--schedule', 'linear'], 'Allowed choices are constant, step, exponential, cosine'],
    [['--schedule', 'step', '--decay-steps', '6,4'], 'The steps must rise.'],
    [['--decay-rate', '2'], 'It must be above 0 and at most 1.'],
    [['--resume', 'runs/x', '--clip-norm', '1'], "cannot be used with option '--clip-norm <n>'"],
  ])('refuse %j where they are read', (args, message) => {
    expect(() => configOf(...args)).toThrow(CommanderError);
    expect(() => configOf(...args)).toThrow(message);
  });

  it("make callbacks with Keras's defaults, one monitor for all of them", () => {
    expect(configOf().callbacks).toMatchObject({ earlyStopping: null, reduceLROnPlateau: null });
    expect(configOf('--early-stopping', '--reduce-lr-on-plateau', '--restore-best').callbacks).toMatchObject({
      earlyStopping: { monitor: 'val_loss', patience: 0, minDelta: 0, restoreBestWeights: true, startFromEpoch: 0 },
      reduceLROnPlateau: { monitor: 'val_loss', patience: 10, factor: 0.1, minDelta: 1e-4, cooldown: 0, minLR: 0 },
      modelCheckpoint: { monitor: 'val_accuracy', saveBestOnly: false },
    });
    const stopping = ['--early-stopping', '5', '--baseline', '-1', '--start-from-epoch', '2'];
    const plateau = ['--reduce-lr-on-plateau', '3', '--factor', '0.5', '--cooldown', '1', '--min-lr', '0.00001'];
    const common = ['--monitor', 'accuracy', '--mode', 'max', '--min-delta', '0.01', '--save-best-only'];
    expect(new Set(argumentsOf(settingFlags, flagsOf(...stopping, ...plateau, ...common)))).toEqual(
      new Set([...stopping, ...plateau, ...common]),
    );
    expect(configOf(...stopping, ...plateau, ...common).callbacks).toEqual({
      earlyStopping: {
        monitor: 'accuracy',
        mode: 'max',
        minDelta: 0.01,
        patience: 5,
        baseline: -1,
        restoreBestWeights: false,
        startFromEpoch: 2,
      },
      reduceLROnPlateau: {
        monitor: 'accuracy',
        mode: 'max',
        minDelta: 0.01,
        patience: 3,
        factor: 0.5,
        cooldown: 1,
        minLR: 1e-5,
      },
      modelCheckpoint: { monitor: 'accuracy', mode: 'max', saveBestOnly: true },
    });
  });

  it.each([
    [['--restore-best'], '--restore-best is for --early-stopping: add that, or leave it out'],
    [['--early-stopping', '--min-lr', '1e-5'], '--min-lr is for --reduce-lr-on-plateau: add that, or leave it out'],
    [['--min-delta', '1'], '--min-delta is for --early-stopping or --reduce-lr-on-plateau'],
    [
      ['--early-stopping', '--validation-split', '0'],
      'with --validation-split 0 there is no val_loss to go by: add --monitor loss, or hold samples out',
    ],
    [
      ['--early-stopping', '--monitor', 'f1'],
      'Allowed choices are val_loss, val_accuracy, val_mean_absolute_error, loss, accuracy',
    ],
    [['--early-stopping', '1.5'], 'It must be a whole number, 0 or more.'],
    [['--reduce-lr-on-plateau', '--factor', '1'], 'It must be above 0 and below 1.'],
    [['--resume', 'runs/x', '--early-stopping'], "cannot be used with option '--early-stopping [patience]'"],
  ])('refuse %j', (args, message) => {
    expect(() => configOf(...args)).toThrow(message);
  });
});
