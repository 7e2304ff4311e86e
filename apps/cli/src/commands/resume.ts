import type { Command } from 'commander';
import { addFlags, type FlagTable, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { LENGTH_FLAGS, runFlags } from '../flags/run.ts';
import { runFlag, runNamed } from '../run-argument.ts';
import { train, trainFlags, type TrainFlags } from './train.ts';

/** What a run has in its folder, and can't be given anew. */
const SETTLED: readonly string[] = ['resume', ...runFlags.resume.conflicts, 'fallbackSynthetic'].filter(
  (name) => !LENGTH_FLAGS.includes(name),
);

const resumeFlags: FlagTable = {
  ...runFlag,
  ...Object.fromEntries(Object.entries(trainFlags).filter(([name]) => !SETTLED.includes(name))),
};

/** `resume`: `train --resume`, with the run as an argument. */
export function resumeCommand(): Command {
  const command = newCommand('resume')
    .description('continue a run from its newest checkpoint, or make a finished one longer')
    .argument('[run]', "the run's folder");
  return foldHelp(addFlags(command, resumeFlags))
    .addHelpText(
      'after',
      `
The same as convoy train --resume. With workers on other machines: convoy coordinator --resume.

Examples:
  $ convoy resume runs/20261124-051200-lesson-3f9a --workers 4
  $ convoy resume runs/20261124-051200-lesson-3f9a --epochs 20      continues to 20 epochs in all`,
    )
    .action(resume);
}

async function resume(
  named: string | undefined,
  { run, ...flags }: TrainFlags & FlagValues<typeof runFlag>,
  command: Command,
): Promise<void> {
  await train({ ...flags, resume: runNamed(named, { run }, command) }, command);
}
