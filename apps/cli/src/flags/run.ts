import { InvalidArgumentError } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import { COLLAPSE_ACTIONS } from '@convoy/server/health-watch';
import {
  DEFAULT_RUN_OPTIONS,
  type CheckpointInterval,
  type RunOptions,
  type RunRequest,
} from '@convoy/server/run-options';
import { ENGINE_CHOICES } from '@convoy/engine/backends/load';
import { parseTracedSteps, TRACED_STEPS_WORDS, type TracedSteps } from '@convoy/server/trace/step-tracer';
import { flagTable, pickFlags, type FlagValues } from './flag.ts';
import { settingFlags } from './settings.ts';
import { settingsFromFlags } from './settings-from-flags.ts';
import { positiveInteger } from './values.ts';

// The flags of a run that do not decide its result: where things are, how they are kept, who takes part.

const RUN = 'Run folder and output:';
const CLUSTER = 'Workers:';
const ENGINE = 'Engine:';

/** Where a run's model and data are: on every machine anew. */
export const dataFlags = flagTable({
  dataDir: {
    takes: '<folder>',
    help: "folder with CIFAR-10's binary files",
    defaultText: '$CIFAR10_DIR, else the cache, else downloaded',
    group: 'Model and data:',
    isCommon: true,
  },
  workload: {
    takes: '<file>',
    help: 'your own model and data (.ts, .js): docs/workloads.md',
    group: 'Model and data:',
    isCommon: true,
    conflicts: ['model', 'dataset', 'syntheticSize'],
  },
});

/** How a process computes. */
export const engineFlags = flagTable({
  engine: {
    takes: '<name>',
    choices: ENGINE_CHOICES,
    help: 'what computes; auto takes TensorFlow, or WASM where TensorFlow does not load',
    default: 'auto',
    env: 'CONVOY_ENGINE',
    group: ENGINE,
  },
  threads: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'threads per worker',
    defaultText: "this machine's cores, divided among its workers",
    group: ENGINE,
  },
});

/** How a run is served and kept. */
export const servingFlags = flagTable({
  checkpointEvery: {
    takes: '<n>',
    parse: checkpointInterval,
    text: intervalText,
    help: 'steps (200) or seconds (60s) between checkpoints; 0 for none between evaluations',
    defaultText: `${intervalText(DEFAULT_RUN_OPTIONS.checkpointEvery)}; on --resume, what the run had`,
    group: RUN,
  },
  keepCheckpoints: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'number of checkpoints to keep besides the best',
    defaultText: `${DEFAULT_RUN_OPTIONS.keepCheckpoints}; on --resume, what the run had`,
    group: RUN,
  },
  onCollapse: {
    takes: '<action>',
    choices: COLLAPSE_ACTIONS,
    help: 'when the model falls back to guessing: stop, return to a healthy checkpoint at half the learning rate, or go on',
    defaultText: `${DEFAULT_RUN_OPTIONS.onCollapse}; on --resume, what the run had`,
    group: RUN,
  },
  trace: {
    takes: '<steps>',
    parse: tracedSteps,
    text: ({ first, last }: TracedSteps) => `${first}-${last}`,
    help: "write where the time of these steps (100-120) goes to trace.json in the run's folder: docs/tracing.md",
    group: RUN,
  },
  minWorkers: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'pause while there are fewer workers',
    default: DEFAULT_RUN_OPTIONS.minWorkers,
    group: CLUSTER,
  },
  deadAfter: {
    takes: '<s>',
    parse: deadAfter,
    help: 'give a worker up after this many seconds without a sign of life',
    default: DEFAULT_RUN_OPTIONS.deadAfterMs / 1000,
    group: CLUSTER,
  },
});

export const jsonFlag = flagTable({
  json: {
    help: 'print the result to stdout as one JSON line',
    default: false as boolean,
  },
});

export const quietFlag = flagTable({
  quiet: {
    help: 'print only warnings, errors and the result',
    default: false as boolean,
  },
});

/** Which of a run's parameters. */
export const checkpointFlag = flagTable({
  checkpoint: {
    takes: '<name>',
    help: 'use this checkpoint: a name, "best" or "newest"',
    defaultText: 'the parameters at the end of the run',
  },
});

/** A configuration: what a run computes, and the file that says so. */
export const configFlags = flagTable({
  config: {
    takes: '<file>',
    help: 'settings from this JSON file: docs/configuration.md',
    group: 'Model and data:',
    isCommon: true,
  },
  ...pickFlags(settingFlags, 'recipe', 'model'),
  ...dataFlags,
  ...settingFlags,
});
/** Options that decide what a run computes, as the command line gives them; what is absent comes from the file or the recipe. */
export type ConfigFlags = FlagValues<typeof configFlags>;

/** What a run may be given anew that is resumed: it becomes longer. */
export const LENGTH_FLAGS: readonly string[] = ['epochs', 'steps'];

const ownFolder = flagTable({
  runDir: {
    takes: '<folder>',
    help: 'folder to write this run to',
    defaultText: 'runs/<run>',
    group: RUN,
    isCommon: true,
  },
});

/** All options of a run. */
export const runFlags = flagTable({
  ...configFlags,
  ...ownFolder,
  orResume: {
    help: 'resume the run in --run-dir if there is one: the same command starts a run and continues it',
    default: false as boolean,
    group: RUN,
  },
  resume: {
    takes: '<folder>',
    help: 'resume this run; --epochs or --steps make it longer',
    group: RUN,
    isCommon: true,
    // They are in its folder.
    conflicts: Object.keys({
      ...settingFlags,
      ...pickFlags(configFlags, 'config'),
      ...ownFolder,
      orResume: null,
    }).filter((name) => !LENGTH_FLAGS.includes(name)),
  },
  ...servingFlags,
  json: { ...jsonFlag.json, group: RUN, isCommon: true },
  quiet: { ...quietFlag.quiet, group: RUN },
});
export type RunFlags = FlagValues<typeof runFlags>;

/** What a new run shall train, as the flags say it. */
export function requestFromFlags(flags: ConfigFlags): RunRequest {
  const { recipe, workload, config } = flags;
  return { recipe, workload, config, overrides: (below) => settingsFromFlags(flags, below) };
}

/** A run as the flags say it. */
export function runOptionsFromFlags(flags: RunFlags): RunOptions {
  const {
    dataDir,
    runDir,
    orResume,
    resume,
    checkpointEvery,
    keepCheckpoints,
    onCollapse,
    minWorkers,
    deadAfter,
    trace,
  } = flags;
  if (orResume && runDir === undefined)
    throw new OperatorError('--or-resume is for --run-dir: add that, or leave it out');
  const deadAfterMs = 1000 * deadAfter;
  const kept = {
    dataDir,
    runDir,
    orResume,
    resume,
    checkpointEvery,
    keepCheckpoints,
    onCollapse,
    minWorkers,
    deadAfterMs,
    trace,
  };
  const isLonger = resume !== undefined && (flags.epochs !== undefined || flags.steps !== undefined);
  const extension = isLonger ? { epochs: flags.epochs, maxSteps: flags.steps } : undefined;
  return { ...requestFromFlags(flags), ...kept, extension };
}

function checkpointInterval(text: string): CheckpointInterval {
  const [, digits, unit] = /^(\d{1,9})(s?)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new InvalidArgumentError('It must be a number of steps, like 200, or of seconds, like 60s.');
  }
  const n = Number(digits);
  if (n === 0) return { steps: null, ms: null };
  return unit === 's' ? { steps: null, ms: 1000 * n } : { steps: n, ms: null };
}

function intervalText({ steps, ms }: CheckpointInterval): string {
  return steps !== null ? String(steps) : ms !== null ? `${ms / 1000}s` : '0';
}

function tracedSteps(text: string): TracedSteps {
  const steps = parseTracedSteps(text);
  if (steps === null) throw new InvalidArgumentError(`It must be ${TRACED_STEPS_WORDS}.`);
  return steps;
}

function deadAfter(text: string): number {
  const value = Number(text);
  if (value >= 2 && value <= 86_400) return value;
  throw new InvalidArgumentError('It must be at least 2 seconds: a worker gives a sign of life every second.');
}
