import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunEvent } from '@convoy/protocol/run-events';
import { RunConfigSchema } from '@convoy/protocol/run-config';
import type { Settings } from '@convoy/training/settings';
import { evaluate, type EvaluateOptions } from './evaluate.ts';
import { openPredictor } from './open-predictor.ts';
import { eventForProgram, withOptionNames } from './option-names.ts';
import type { TrainOptions } from './train-options.ts';
import { train } from './train.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-options-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whatever is accepted by mistake ends here. */
const occupied = join(folder, 'occupied');
mkdirSync(occupied);
writeFileSync(join(occupied, 'config.json'), '{}');
writeFileSync(join(occupied, 'events.jsonl'), '{}\n');
/** Small data, under whatever is wrong above it. */
const config = join(folder, 'convoy.json');
writeFileSync(config, JSON.stringify({ dataset: { name: 'synthetic', trainCount: 8, testCount: 8 } }));
const notAFolder = join(folder, 'file');
writeFileSync(notAFolder, '');

/** Wrong values of each option that is no setting. */
const WRONG: Readonly<Record<Exclude<keyof TrainOptions | keyof EvaluateOptions, keyof Settings>, readonly unknown[]>> =
  {
    config: [join(folder, 'none.json'), notAFolder],
    resume: [join(folder, 'none'), occupied, notAFolder],
    runDir: [occupied, notAFolder, join(notAFolder, 'below')],
    workers: [0, 1.5, 'two'],
    single: [],
    engine: ['gpu'],
    threads: [0, -1],
    dataDir: [join(folder, 'none'), notAFolder],
    workload: [join(folder, 'none.mjs'), folder, notAFolder],
    fallbackToSynthetic: [],
    checkpointEvery: [{ steps: 0 }, { ms: -1 }, { hours: 1 }],
    keepCheckpoints: [0, 'all'],
    onCollapse: ['pray'],
    trace: ['soon', '0', '5-3', '1-1000', 7.5],
    signal: [],
    onNote: [],
    checkpoint: ['none', 'best'],
    split: ['none'],
  };
const WRONG_SETTINGS: readonly unknown[] = [-1, 0.5, 'nonsense', [], {}];

/** Flags in lines that no function of the package can come to: those of exports and of listening, and of what starts workers. */
const NOT_FOR_PROGRAMS = [
  'allowWorkload',
  'operator',
  'sshOption',
  'command',
  'host',
  'port',
  'url',
  'notesOnly',
  'out',
  'force',
  'json',
  'depth',
  'tokenFile',
  'file',
  'tlsCert',
  'tlsKey',
  'tlsFingerprint',
  'tlsCa',
];

interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly options?: readonly Schema[];
  readonly wrapped?: Schema;
  readonly key?: string;
  readonly literal?: unknown;
}

/** Settings with `value` in the place of each field of the schema in turn. */
function* everywhere({ type, entries, options, wrapped, key }: Schema, value: unknown): Generator<unknown> {
  yield value;
  if (wrapped !== undefined) yield* everywhere(wrapped, value);
  if (type === 'variant' || type === 'union') for (const option of options!) yield* everywhere(option, value);
  for (const [name, field] of Object.entries(entries ?? {})) {
    const chosen = entries!['name']?.literal ?? key;
    for (const inner of everywhere(field, value)) {
      yield chosen === undefined || name === 'name' ? { [name]: inner } : { name: chosen, [name]: inner };
    }
  }
}

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  );
}

describe('lines for programs', () => {
  it.each([
    ['lower --lr, or add --clip-norm 1', 'lower optimizer.learningRate, or add optimizer.clipNorm: 1'],
    ['choose another folder with --run-dir', 'choose another folder with runDir'],
    ['choose --engine wasm', "choose engine: 'wasm'"],
    [
      'with --on-collapse rollback, or a lower --lr to',
      "with onCollapse: 'rollback', or a lower optimizer.learningRate to",
    ],
    ['--workload line.mjs: it has no name', 'workload line.mjs: it has no name'],
  ])('%s', (line, translated) => {
    expect(withOptionNames(line)).toBe(translated);
  });

  it('of a finding name options, as it comes and when the run ends', () => {
    const finding = {
      kind: 'diverged',
      severity: 'alarm',
      since: 1,
      step: 2,
      evidence: 'NaN',
      advice: 'a lower --lr',
    } as const;
    const named = { ...finding, advice: 'a lower optimizer.learningRate' };
    expect(eventForProgram({ at: 1, type: 'health', ...finding })).toEqual({ at: 1, type: 'health', ...named });
    const end = { at: 1, type: 'run-ended', reason: 'lower --lr', health: [finding] } as unknown as RunEvent;
    expect(eventForProgram(end)).toMatchObject({ reason: 'lower optimizer.learningRate', health: [named] });
  });

  it('name options that there are, whichever flag a package speaks of', () => {
    const options = [...Object.keys(WRONG), ...Object.keys(RunConfigSchema.entries), ...NOT_FOR_PROGRAMS];
    const packages = new URL('../../', import.meta.url);
    const unknown = new Set<string>();
    for (const path of readdirSync(packages, { recursive: true, encoding: 'utf8' })) {
      if (!/^[^/]+\/src\/.*\.ts$/.test(path) || /\.(test|fixture|bench)\.ts$/.test(path)) continue;
      const code = readFileSync(new URL(path, packages), 'utf8').replaceAll(/^\s*(\*|\/\/|\/\*).*$/gm, '');
      for (const [flag] of code.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) {
        const option = withOptionNames(flag).split('.')[0]!;
        if (!options.includes(option)) unknown.add(`${path}: ${flag}`);
      }
    }
    expect([...unknown]).toEqual([]);
  });
});

describe('errors of train, evaluate and openPredictor', () => {
  it('name no flag, whatever setting is wrong', async () => {
    const wrong: string[] = [];
    const tried: string[] = [];
    for (const value of WRONG_SETTINGS) {
      for (const settings of everywhere(RunConfigSchema as unknown as Schema, value)) {
        if (settings === value) continue;
        const error = await refusalOf(
          train({ ...(settings as TrainOptions), config, runDir: occupied, single: true }).result,
        );
        const line = `${JSON.stringify(settings)}: ${String(error)}`;
        tried.push(line);
        if (!(error instanceof OperatorError) || error.message.includes('--')) wrong.push(line);
      }
    }
    expect(wrong).toEqual([]);
    expect(tried.length).toBeGreaterThan(300);
  });

  it('name no flag, whatever other option is wrong', async () => {
    const wrong: string[] = [];
    const note = (what: string, error: unknown) => {
      if (!(error instanceof OperatorError) || error.message.includes('--')) wrong.push(`${what}: ${String(error)}`);
    };
    for (const [name, values] of Object.entries(WRONG)) {
      for (const value of values) {
        const base: TrainOptions = name === 'resume' ? {} : { config, runDir: occupied, single: true };
        const data: TrainOptions = name === 'dataDir' ? { dataset: { name: 'cifar10' } } : {};
        const options = { ...base, ...data, [name]: value };
        const what = JSON.stringify({ [name]: value });
        const run = name === 'runDir' ? String(value) : occupied;
        note(`train ${what}`, await refusalOf(train(options).result));
        note(`evaluate ${what}`, await refusalOf(evaluate(run, options)));
        note(`openPredictor ${what}`, await refusalOf(openPredictor(run, options)));
      }
    }
    expect(wrong).toEqual([]);
  });
});
