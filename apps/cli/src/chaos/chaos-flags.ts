import { InvalidArgumentError } from 'commander';
import { flagTable, type FlagValues } from '../flags/flag.ts';
import { engineFlags, runFlags } from '../flags/run.ts';
import { positiveInteger, wholeNumber } from '../flags/values.ts';
import { durationOption } from './durations.ts';
import { FAULT_KINDS, type FaultKind } from './schedule.ts';

const CHAOS = 'Faults:';

export const chaosFlags = flagTable({
  workers: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'number of workers that the cluster returns to',
    default: 3 as number,
    group: CHAOS,
    isCommon: true,
  },
  killEvery: {
    takes: '<time>',
    parse: durationOption,
    help: 'mean time between two faults: 500ms, 5s, 1m',
    default: 5_000 as number,
    defaultText: '5s',
    group: CHAOS,
    isCommon: true,
  },
  faults: {
    takes: '<kinds>',
    parse: faultKinds,
    help: `the faults to cause: ${FAULT_KINDS.join(',')}`,
    default: FAULT_KINDS as readonly FaultKind[],
    defaultText: 'all',
    group: CHAOS,
    isCommon: true,
  },
  chaosSeed: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'seed for the faults; the same seed gives the same schedule',
    defaultText: 'random',
    group: CHAOS,
    isCommon: true,
  },
  maxFaults: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'leave the cluster alone after this many faults',
    group: CHAOS,
    isCommon: true,
  },
  duration: {
    takes: '<time>',
    parse: durationOption,
    help: 'train for this long instead of to the end: 10m',
    group: CHAOS,
    isCommon: true,
    conflicts: ['steps', 'epochs'],
  },
  ...runFlags,
  deadAfter: { ...runFlags.deadAfter, default: 3 as number },
  checkpointEvery: { ...runFlags.checkpointEvery, default: { steps: 10, ms: null }, defaultText: '10' },
  onCollapse: {
    ...runFlags.onCollapse,
    // The undisturbed run has no checkpoints to return to, and would have others.
    choices: ['halt', 'continue'],
    help: 'when the model falls back to guessing: stop, or go on',
    defaultText: 'halt',
  },
  ...engineFlags,
});
/** What chaos decides by itself, or has no use for. */
export const HIDDEN_FLAGS: readonly string[] = ['resume', 'deterministic'];
/** As the command line gives them. */
export type GivenFlags = FlagValues<typeof chaosFlags>;

/** With the seeds known, for whoever wants to replay the run. Times are milliseconds. */
export interface ChaosFlags extends GivenFlags {
  readonly seed: number;
  readonly chaosSeed: number;
}

function faultKinds(text: string): readonly FaultKind[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !FAULT_KINDS.includes(name as FaultKind));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`"${unknown}" is no fault. Name some of ${FAULT_KINDS.join(',')}.`);
  }
  // In one order, so that the schedule does not depend on how they were listed.
  return FAULT_KINDS.filter((kind) => names.includes(kind));
}
