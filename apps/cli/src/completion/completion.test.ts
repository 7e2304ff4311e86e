import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { commands } from '../commands/all.ts';
import { bashCompletion } from './bash.ts';
import { completableCommands } from './completable.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
for (const run of ['first', 'second']) {
  mkdirSync(join(folder, 'runs', run), { recursive: true });
  writeFileSync(join(folder, 'runs', run, 'events.jsonl'), '');
}
mkdirSync(join(folder, 'runs', 'other'));

const completable = completableCommands(await Promise.all(Object.values(commands).map((load) => load())));

function written(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, script);
  return path;
}

/** Whether a program is there to check with; says so by name when not. */
function isThere(program: string): boolean {
  try {
    execFileSync(program, ['-c', 'exit'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`NOT CHECKED: the completion in ${program}, which is not on this machine`);
    return false;
  }
}

it('completes commands, options, their values and runs in bash', () => {
  if (!isThere('bash')) return;
  const script = written('convoy.bash', bashCompletion(completable));
  const ask = `
    source "$1"; shift
    complete -p convoy > /dev/null || exit 1
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _convoy; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const offered = (...words: string[]) =>
    execFileSync('bash', ['-c', ask, 'bash', script, 'convoy', ...words], { cwd: folder, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  expect(offered('unp')).toEqual(['unpause']);
  expect(offered('')).toEqual(expect.arrayContaining(Object.keys(commands)));
  expect(offered('train', '--rec')).toEqual(['--recipe']);
  expect(offered('train', '--recipe', 'qu')).toEqual(['quick']);
  expect(offered('train', '--recipe', '=', 'qu')).toEqual(['quick']);
  expect(offered('train', '--resume', '')).toEqual(['runs/first', 'runs/second']);
  expect(offered('status', 'runs/s')).toEqual(['runs/second']);
  expect(offered('runs', 'comp')).toEqual(['compare']);
  expect(offered('runs', 'compare', '--js')).toEqual(['--json']);
  expect(offered('completion', 'z')).toEqual(['zsh']);
});

it('is a script that zsh can read', () => {
  const script = zshCompletion(completable);
  expect(script).toContain('unpause');
  expect(script).toContain('quick');
  if (isThere('zsh')) execFileSync('zsh', ['-n', written('_convoy', script)]);
});

it('completes the same in fish', () => {
  if (!isThere('fish')) return;
  const script = written('convoy.fish', fishCompletion(completable));
  const ask = 'source $argv[1]; complete -C $argv[2]';
  const offered = (line: string) =>
    execFileSync('fish', ['--no-config', '-c', ask, script, line], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, HOME: folder },
    })
      .split('\n')
      .filter(Boolean)
      .map((offer) => offer.split('\t')[0]);
  expect(offered('convoy unp')).toEqual(['unpause']);
  expect(offered('convoy train --rec')).toEqual(['--recipe']);
  expect(offered('convoy train --recipe qu')).toEqual(['quick']);
  expect(offered('convoy train --resume ')).toEqual(['runs/first', 'runs/second']);
  expect(offered('convoy status runs/s')).toEqual(['runs/second']);
  expect(offered('convoy runs comp')).toEqual(['compare']);
});
