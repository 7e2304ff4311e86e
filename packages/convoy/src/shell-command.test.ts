import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellCommand } from './shell-command.ts';

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
