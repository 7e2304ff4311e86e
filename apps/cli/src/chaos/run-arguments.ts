import { argumentsOf, pickFlags } from '../flags/flag.ts';
import { configFlags, dataFlags, engineFlags, servingFlags, type RunFlags } from '../flags/run.ts';
import { settingFlags } from '../flags/settings.ts';
import type { EngineOptions } from '@convoy/worker/engine-options';

const decisive = { ...pickFlags(configFlags, 'config'), ...settingFlags };

/** The options that decide a run's result, as arguments of another convoy command, and where its data are; `steps` instead of the flags' if given. */
export function runArguments(flags: RunFlags, steps: number | undefined = flags.steps): string[] {
  return [...argumentsOf(decisive, { ...flags, steps, deterministic: true }), ...dataArguments(flags)];
}

/** The options of a coordinator that its run's result does not depend on. */
export function coordinatorArguments(flags: RunFlags): string[] {
  return argumentsOf(servingFlags, flags);
}

/** What both runs do about a collapse. */
export function collapseArguments(flags: RunFlags): string[] {
  return argumentsOf(pickFlags(servingFlags, 'onCollapse'), flags);
}

/** How a process computes. */
export function engineArguments({ engine, threads = 1 }: EngineOptions): string[] {
  return argumentsOf(engineFlags, { engine, threads });
}

/** Where the model and the data are, if it was said. */
export function dataArguments(flags: RunFlags): string[] {
  return argumentsOf(dataFlags, flags);
}
