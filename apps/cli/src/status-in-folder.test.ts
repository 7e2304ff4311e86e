import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testConfig } from '@convoy/training/config.fixture';
import type { RunFact } from '@convoy/protocol/run-events';
import { statusInFolder } from './status-in-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'convoy-status-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const started: RunFact = {
  ...{ type: 'run-started', run: 'r', incarnation: 'i', totalSteps: 40, stepsPerEpoch: 10 },
  ...{ trainSamples: 1, validationSamples: 0, testSamples: 0, parameterCount: 1 },
};
const joined: RunFact = { type: 'worker-joined', workerId: 'a', rank: 0, name: 'h:1', engine: 'e', workers: 1 };

function runOf(name: string, facts: readonly RunFact[]): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(testConfig({})));
  writeFileSync(join(folder, 'events.jsonl'), facts.map((fact, at) => `${JSON.stringify({ at, ...fact })}\n`).join(''));
  return folder;
}

describe("a run's status by its folder", () => {
  it('is that of a run which was left when no process serves it, and says how to go on', async () => {
    const { status, notes } = await statusInFolder(runOf('left', [started, joined]));
    expect(status).toMatchObject({ state: 'left', totalSteps: 40, workers: [] });
    expect(status.waitingFor).toBe('no process serves it, and it has not come to its end');
    expect(notes).toEqual(['its last event is of 1970-01-01T00:00:00.001Z', expect.stringContaining('resume')]);
  });

  it("says that a run with a workload of the user's own needs its file to go on", async () => {
    const folder = runOf('workload', [started]);
    const config = testConfig({ dataset: { name: 'workload', workload: 'shapes' } });
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    const { notes } = await statusInFolder(folder);
    expect(notes[1]).toMatch(/ resume \S+ --workload FILE, the file of the workload shapes$/);
  });

  it('is that of a run which is served, with its workers, while its process lives', async () => {
    const folder = runOf('served', [started, joined, { type: 'paused', step: 0 }]);
    mkdirSync(join(folder, 'lock'));
    const holder = {
      pid: 1,
      host: `not ${hostname()}`,
      processSpace: null,
      startTime: null,
      incarnation: 'i',
      url: null,
    };
    const lock = (released: boolean) => JSON.stringify({ ...holder, since: '2026-11-24T05:12:00.000Z', released });
    writeFileSync(join(folder, 'lock', '1.json'), lock(false));
    const { status, notes } = await statusInFolder(folder);
    expect(status).toMatchObject({ state: 'paused', workers: [{ rank: 0, state: 'idle' }] });
    expect(notes[0]).toMatch(/^served by process 1 on not /);
    const ended = join(root, 'released');
    cpSync(folder, ended, { recursive: true });
    writeFileSync(join(ended, 'lock', '1.json'), lock(true));
    expect((await statusInFolder(ended)).status.state).toBe('left');
  });
});
