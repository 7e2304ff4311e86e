import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { trainCommand } from './commands/train.ts';
import { resumeCommand, shellCommand } from './shell-command.ts';

const WORDS = [
  "it's a folder",
  'a"b',
  '$HOME',
  '~',
  '=x',
  '',
  '-',
  'a\nb',
  '*',
  '{a,b}',
  '\\',
  '--lr=0.1',
  'naïve',
  '`id`',
  '!x',
  '#x',
  'a;b&c|d',
];

describe('shellCommand', () => {
  it.each(['bash', 'sh'])('is taken back to its words by %s', (shell) => {
    const line = shellCommand(['printf', '%s\\0', ...WORDS]);
    expect(execFileSync(shell, ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(WORDS);
  });

  it('quotes no word that needs no quotes', () => {
    const words = ['npx', 'convoy', 'worker', '--url', 'ws://127.0.0.1:7311', '--workload', 'a/b-c_d.ts'];
    expect(shellCommand(words)).toBe(words.join(' '));
  });
});

describe('resumeCommand', () => {
  it('repeats what a run can not be resumed without, and leaves out what its folder holds', () => {
    const given = ['--workload', 'my dir/x.ts', '--lr', '0.1', '--workers=3', '--seed=7', '--run-dir', 'my run', '--json', '--no-shuffle']; // prettier-ignore
    expect(resumeCommand(trainCommand(), given, 'my run')).toBe(
      "npx convoy train --resume 'my run' --workload 'my dir/x.ts' --workers=3 --json",
    );
  });

  it('replaces the folder of a run that had been resumed before, and an option to go on with', () => {
    const given = ['--resume', 'old', '--on-collapse', 'halt', '--keep-checkpoints', '9'];
    expect(resumeCommand(trainCommand(), given, 'new', [['--on-collapse', 'rollback']])).toBe(
      'npx convoy train --resume new --on-collapse rollback --keep-checkpoints 9',
    );
  });
});
