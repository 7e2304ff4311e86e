import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decoded } from '@convoy/pictures/decoded.fixture';
import { Convoy, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const page = readFileSync(new URL('../../docs/lesson.md', import.meta.url), 'utf8');
const lines = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) => block!.trim().split('\n'));

/** What makes a command of the page one of seconds that needs no download. */
const DATA = ['--dataset', 'synthetic', '--synthetic-size', '200'];
const SHORT = ['--epochs', '2', '--batch-size', '32', '--micro-batch', '16'];
const ADDED: Readonly<Record<string, readonly string[]>> = {
  show: DATA,
  config: DATA,
  train: [...DATA, ...SHORT],
};

describe('docs/lesson.md', () => {
  it.each(lines)('%s', async (line) => {
    const [npx, program, ...args] = line.split(' ');
    expect([npx, program]).toEqual(['npx', 'convoy']);
    if (args.join(' ') === 'data fetch' && !process.env['CIFAR10_DIR']) {
      console.info('NOT CHECKED: convoy data fetch, which would download CIFAR-10. Set CIFAR10_DIR.');
      return;
    }
    const command = new Convoy([...args, ...(ADDED[args[0]!] ?? [])], {}, folder.path);
    const { code, stderr } = await command.finished;
    expect(stderr.split('\n').filter((said) => said.startsWith('convoy: '))).toEqual([]);
    expect(code).toBe(0);
  });

  it('has left the pictures that it names', async () => {
    for (const name of ['first.png', 'ten.png', 'grid.png', 'more.png', 'runs/lesson/history.png']) {
      expect((await decoded(join(folder.path, name))).width).toBeGreaterThan(32);
    }
    expect(existsSync(join(folder.path, 'runs/lesson/history.svg'))).toBe(true);
  });
});
