import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { addRunOptions, configFromFlags, type RunFlags } from './options.ts';

/** The configuration that a command line resolves to. */
function configOf(...args: string[]) {
  const command = addRunOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return configFromFlags(command.parse(args, { from: 'user' }).opts<RunFlags>(), { name: 'cifar10' });
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
    [['--optimizer', 'lion'], 'Allowed choices are adam, adamw, rmsprop, sgd'],
    [['--schedule', 'linear'], 'Allowed choices are constant, step, exponential, cosine'],
    [['--schedule', 'step', '--decay-steps', '6,4'], 'The steps must rise.'],
    [['--decay-rate', '2'], 'It must be above 0 and at most 1.'],
    [['--resume', 'runs/x', '--clip-norm', '1'], "cannot be used with option '--clip-norm <n>'"],
  ])('refuse %j where they are read', (args, message) => {
    expect(() => configOf(...args)).toThrow(CommanderError);
    expect(() => configOf(...args)).toThrow(message);
  });
});
