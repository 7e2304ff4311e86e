import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { coordinatorCommand } from '../commands/coordinator.ts';
import { trainCommand } from '../commands/train.ts';
import { runFlags } from './run.ts';

const LONG = /^ +(?:-h, )?(--[a-z-]+)/gm;

/** What a command prints to a terminal of 80 columns. */
function outputOf(command: Command, ...args: string[]): string {
  let text = '';
  command.exitOverride().configureOutput({ getOutHelpWidth: () => 80, writeOut: (part) => (text += part) });
  expect(() => command.parse(args, { from: 'user' })).toThrow('(outputHelp)');
  return text;
}

const commands: readonly (readonly [string, () => Command])[] = [
  ['train', trainCommand],
  ['coordinator', coordinatorCommand],
];

describe.each(commands)('the help of %s', (_, make) => {
  it('fits on one screen, and says where the rest is', () => {
    const lines = outputOf(make(), '--help').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(45);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join('\n')).toMatch(/--help-all +show all options, \d+ more/);
  });

  it('lists every option, under headings, when asked for all', () => {
    const text = outputOf(make(), '--help-all');
    const listed = [...text.matchAll(LONG)].map(([, name]) => name);
    const hidden = ['--dropout', '--shuffle', '--no-deterministic'];
    const all = make().options.map(({ long }) => long!);
    expect(new Set([...listed, ...hidden])).toEqual(new Set([...all, '--help']));
    expect(listed.length).toBeGreaterThan(Object.keys(runFlags).length);
    expect(text).toContain('\nLearning rate schedule:\n');
  });
});
