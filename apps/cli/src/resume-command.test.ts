import { describe, expect, it } from 'vitest';
import { launchCommand } from './commands/launch.ts';
import { trainCommand } from './commands/train.ts';
import { resumeCommand as resumeProgram } from './commands/resume.ts';
import { resumeCommand } from './resume-command.ts';

describe('resumeCommand', () => {
  it('repeats what a run can not be resumed without, and leaves out what its folder holds', () => {
    const given = ['--workload', 'my dir/x.ts', '--lr', '0.1', '--workers=3', '--seed=7', '--run-dir', 'my run', '--json', '--no-shuffle']; // prettier-ignore
    expect(resumeCommand(trainCommand(), given, 'my run')).toBe(
      "npx convoy train --resume 'my run' --workload 'my dir/x.ts' --workers=3 --json",
    );
  });

  it('names the run as resume does', () => {
    expect(resumeCommand(resumeProgram(), ['old run', '--workers', '1'], 'old run')).toBe(
      "npx convoy resume 'old run' --workers 1",
    );
    expect(resumeCommand(resumeProgram(), ['--run', 'r', '--json'], 'r')).toBe('npx convoy resume r --json');
  });

  it('replaces the folder of a run that had been resumed before, and an option to go on with', () => {
    const given = ['--resume', 'old', '--on-collapse', 'halt', '--keep-checkpoints', '9'];
    expect(resumeCommand(trainCommand(), given, 'new', [['--on-collapse', 'rollback']])).toBe(
      'npx convoy train --resume new --on-collapse rollback --keep-checkpoints 9',
    );
  });

  it('keeps what stands after --: it is for the workers', () => {
    const given = ['--hosts', 'hosts.txt', '--seed', '7', '--json', '--', '--threads', '2', '--seed'];
    expect(resumeCommand(launchCommand(), given, 'runs/x')).toBe(
      'npx convoy launch --resume runs/x --hosts hosts.txt --json -- --threads 2 --seed',
    );
  });
});
