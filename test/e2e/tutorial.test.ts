import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Convoy, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar } from '../support/run-watch.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** The commands of the tutorial, in their order. */
function commands(): readonly string[] {
  const page = readFileSync(new URL('../../docs/tutorial.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^\$ npx convoy (.+)$/gm)].map(([, command]) => command!);
}

it('the tutorial does what it says, command by command', async () => {
  const ran: { readonly command: string; readonly stdout: string }[] = [];
  for (const command of commands()) {
    const convoy = new Convoy(command.split(' '), {}, folder.path);
    // The run that the reader is told to interrupt.
    const isLong = command.includes('runs/long') && command.startsWith('train');
    if (isLong) {
      await eventOf(join(folder.path, 'runs/long'), 'step', ({ step }) => step >= 10);
      convoy.process.kill('SIGINT');
    }
    const { code, stdout, stderr } = await convoy.finished;
    expect([command, code, stderr]).toEqual([command, isLong ? 130 : 0, expect.any(String)]);
    ran.push({ command, stdout });
  }
  const outputOf = (start: string) => ran.find(({ command }) => command.startsWith(start))!.stdout;
  const [, alone, three] = /^parameters \(sha256\) +(\S+) +(\S+)$/m.exec(outputOf('runs compare'))!;
  expect(alone).toMatch(/^[0-9a-f]{16}$/);
  expect(three).toBe(alone);
  expect(outputOf('predict')).toMatch(/^my-model\/images\/cross\/03\.png: cross \d/);
  expect(existsSync(join(folder.path, 'web-model/model.json'))).toBe(true);
  expect(existsSync(join(folder.path, 'runs/first/report.html'))).toBe(true);
  const long = eventsSoFar(join(folder.path, 'runs/long'));
  expect(long.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'completed', steps: 1_200 });
});
