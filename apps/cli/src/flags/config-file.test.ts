import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Command } from 'commander';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveConfig, resolveLayers } from '@convoy/training/config';
import { readConfigFile } from '@convoy/server/config-file';
import { addFlags } from './flag.ts';
import { configFlags, type ConfigFlags } from './run.ts';
import { settingsFromFlags } from './settings-from-flags.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with that in it. */
function fileOf(content: unknown): string {
  const path = join(folder, 'convoy.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The configuration that a file and a command line resolve to. */
function configOf(content: unknown, ...args: string[]) {
  const command = addFlags(new Command(), configFlags);
  const flags = command.parse(['--config', fileOf(content), ...args], { from: 'user' }).opts<ConfigFlags>();
  const file = { settings: readConfigFile(flags.config!), from: flags.config! };
  return resolveLayers(cifar10, [file, { settings: (below) => settingsFromFlags(flags, below) }], flags.recipe).config;
}

describe('a configuration file', () => {
  it('is over its recipe, and flags are over both', () => {
    const settings = { recipe: 'quick', seed: 7, dropout: false, deterministic: true };
    const file = { $schema: 'convoy.schema.json', ...settings };
    expect(configOf(file)).toMatchObject({ ...settings, globalBatchSize: 100 });
    expect(configOf(file, '--seed', '8', '--dropout', '--no-deterministic', '--recipe', 'smoke')).toMatchObject({
      recipe: 'smoke',
      globalBatchSize: 64,
      seed: 8,
      dropout: true,
      deterministic: false,
    });
  });

  it("has an optimizer whose fields flags replace, and another optimizer's flags replace it", () => {
    const file = { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } };
    expect(configOf(file, '--lr', '0.1', '--nesterov').optimizer).toMatchObject({
      name: 'sgd',
      learningRate: 0.1,
      momentum: 0.9,
      nesterov: true,
    });
    expect(configOf(file, '--optimizer', 'sgd').optimizer).toMatchObject({ learningRate: 0.05 });
    expect(configOf(file, '--optimizer', 'adam').optimizer).toEqual(resolveConfig(cifar10).optimizer);
  });

  it('has a schedule that flags change or replace', () => {
    const file = { schedule: { name: 'step', boundaries: [400], warmup: 10 }, maxSteps: 900 };
    expect(configOf(file, '--decay-steps', '500,600').schedule).toMatchObject({ boundaries: [500, 600], warmup: 10 });
    expect(configOf(file, '--warmup', '20').schedule).toMatchObject({ boundaries: [400], warmup: 20 });
    expect(configOf(file, '--schedule', 'cosine').schedule).toMatchObject({ name: 'cosine', warmup: 0 });
    expect(() => configOf(file, '--warmup', '900')).toThrow('--warmup (900) must be below --steps (900)');
  });

  it('has a synthetic set whose size a flag changes', () => {
    const file = { dataset: { name: 'synthetic', seed: 5, trainCount: 100, testCount: 50 } };
    const dataset = { name: 'synthetic', seed: 5, trainCount: 200, testCount: 40 };
    expect(configOf(file, '--synthetic-size', '200').dataset).toEqual(dataset);
    expect(configOf(file, '--dataset', 'cifar10').dataset).toEqual({ name: 'cifar10' });
  });

  it('has callbacks whose fields flags replace', () => {
    const file = { callbacks: { earlyStopping: { patience: 3, monitor: 'loss' } } };
    expect(configOf(file, '--restore-best', '--save-best-only').callbacks).toMatchObject({
      earlyStopping: { patience: 3, monitor: 'loss', restoreBestWeights: true },
      reduceLROnPlateau: null,
      modelCheckpoint: { saveBestOnly: true },
    });
    expect(configOf(file, '--early-stopping', '5').callbacks.earlyStopping).toMatchObject({
      patience: 5,
      monitor: 'loss',
    });
    expect(() => configOf({}, '--restore-best')).toThrow('--restore-best is for --early-stopping');
  });

  it('has an augmentation, smoothing, a format and a table of rates, which flags change', () => {
    const file = {
      augmentation: { crop: 2, flip: true, mixup: 0.2 },
      labelSmoothing: 0.1,
      gradientFormat: 'bfloat16',
      schedule: { name: 'table', per: 'epoch', rates: [0.1, 0.05] },
    };
    expect(configOf(file)).toMatchObject(file);
    expect(configOf(file, '--augment', 'crop', '--cutout', '8').augmentation).toMatchObject({
      crop: 4,
      flip: false,
      cutout: 8,
      mixup: 0.2,
    });
    expect(configOf(file, '--augment', 'none', '--mixup', '0').augmentation).toBeNull();
    expect(configOf(file, '--label-smoothing', '0', '--gradients', 'float32')).toMatchObject({
      labelSmoothing: 0,
      gradientFormat: 'float32',
    });
    expect(() => configOf(file, '--warmup', '5')).toThrow('a table of rates has no --warmup');
    expect(configOf(file, '--schedule', 'cosine', '--warmup', '5').schedule).toMatchObject({ warmup: 5 });
  });

  it("can be a run's config.json, which it resolves to", () => {
    const config = resolveConfig(cifar10, {
      recipe: 'smoke',
      maxSteps: 5,
      schedule: { name: 'exponential', decaySteps: 3 },
    });
    expect(configOf(config)).toEqual(config);
  });

  it.each([
    [{ optimizer: { momentum: 0.9 } }, 'convoy.json: optimizer: adam has no momentum'],
    [{ epoch: 1 }, 'convoy.json: there is no setting "epoch"; did you mean "epochs"?'],
    [{ seed: 'x' }, 'convoy.json: seed: must be a number, not "x"'],
    [{ recipe: 'slow' }, 'convoy.json: no recipe is called "slow"'],
    [{ globalBatchSize: 10, microBatchSize: 4 }, 'convoy.json: globalBatchSize (10) must be a multiple of'],
    ['{"seed": 1,}', 'convoy.json is not JSON: '],
    ['[1]', 'convoy.json: a configuration is an object of settings, like {"seed": 7}'],
  ])('is refused in one line that names it: %j', (content, message) => {
    const refusal = () => configOf(content);
    expect(refusal).toThrow(message);
    expect(refusal).toThrow(
      expect.objectContaining({ name: 'OperatorError', message: expect.not.stringMatching('\n') }),
    );
  });

  it('is missed by its name', () => {
    const path = join(folder, 'none.json');
    expect(() => readConfigFile(path)).toThrow(
      `can't read ${path}: there is no such file or folder (ENOENT); a configuration is a file of JSON`,
    );
  });
});
