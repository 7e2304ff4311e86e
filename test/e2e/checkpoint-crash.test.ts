import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '@convoy/infra/bundle';
import { loadNewestCheckpoint } from '@convoy/run-store/checkpoint-load';
import { CheckpointStore } from '@convoy/run-store/checkpoint-store';
import { identity, optimizerAt, stateAt } from '@convoy/run-store/checkpoint.fixture';
import { temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
/** Bundled once, for dozens of processes. */
const writer = join(folder.path, 'program', 'writer.mjs');
beforeAll(() =>
  bundle({ writer: fileURLToPath(new URL('../support/checkpoint-crash.ts', import.meta.url)) }, dirname(writer)),
);

it('a process that is killed before or after any operation of a checkpoint leaves the old one or the new one, bit for bit', async () => {
  const unharmed = await newRun('unharmed');
  const { stdout, signal } = await writeSecond(unharmed, 0, 'before');
  expect({ signal, newest: await newestStep(unharmed) }).toEqual({ signal: null, newest: 20 });
  const operations = Number(stdout);
  expect(operations).toBeGreaterThan(25);

  const newest = new Set<number>();
  const cases = Array.from({ length: operations }, (_, i) =>
    (['before', 'after'] as const).map((when) => [i + 1, when] as const),
  ).flat();
  const work = async (): Promise<void> => {
    for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
      const [operation, when] = next;
      const run = await newRun(`${when}-${operation}`);
      expect((await writeSecond(run, operation, when)).signal).toBe('SIGKILL');
      newest.add(await newestStep(run));
      // Whoever goes on finds its feet: it clears up, and its own checkpoint is the only one then.
      await save(run, 30);
      expect(await newestStep(run)).toBe(30);
      expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-00000030']);
    }
  };
  await Promise.all([work(), work()]);
  expect(newest).toEqual(new Set([10, 20]));
});

/** The folder of a run with a checkpoint of step 10. */
async function newRun(name: string): Promise<string> {
  const run = join(folder.path, name);
  mkdirSync(run);
  await save(run, 10);
  return run;
}

async function save(runFolder: string, step: number): Promise<void> {
  const failures: unknown[] = [];
  const store = await CheckpointStore.open({
    runFolder,
    identity,
    keep: 1,
    now: () => Date.now(),
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_, error) => failures.push(error),
  });
  store.save(stateAt(step), 'interval');
  await store.flush();
  expect(failures).toEqual([]);
}

function writeSecond(run: string, operation: number, when: 'before' | 'after') {
  const child = spawn(process.execPath, [writer, run, String(operation), when], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  return new Promise<{ stdout: string; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('close', (_, signal) => resolve({ stdout, signal })),
  );
}

/** The step of the newest checkpoint that verifies, having compared its vectors with what was written. */
async function newestStep(run: string): Promise<number> {
  const { checkpoint, faults } = await loadNewestCheckpoint(run, { config: identity.config });
  expect(faults).toEqual([]);
  const { step } = checkpoint!.state.position;
  expect(checkpoint!.optimizer).toEqual(optimizerAt(step));
  return step;
}
