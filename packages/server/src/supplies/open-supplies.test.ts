import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDataset } from '@convoy/cifar10/locate';
import { readConfig, RunFolder } from '@convoy/run-store/run-folder';
import { testConfig } from '@convoy/training/config.fixture';
import { readConfigFile } from '../config-file.ts';
import { openSupplies } from './open-supplies.ts';

const place = mkdtempSync(join(tmpdir(), 'convoy-supplies-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("a run's folder has the workload's code and config.json its digest, and other code later is told of", async () => {
  const dataset = await openDataset({ dataset: 'synthetic', seed: 1, trainCount: 10, testCount: 10 });
  const config = testConfig({ dataset: { name: 'workload', workload: 'w' } });
  const folder = join(place, 'run');
  const begun = new RunFolder(folder, config, () => {}, { run: 'r' });
  const counts = {
    totalSteps: 1,
    stepsPerEpoch: 1,
    trainSamples: 1,
    validationSamples: 0,
    testSamples: 1,
    parameterCount: 1,
  };
  begun.log({ at: 1, type: 'run-started', run: 'r', incarnation: 'i', ...counts });
  begun.close();
  const workload = join(place, 'w.mjs');
  const notes: string[] = [];
  const serve = async (code: string) => {
    writeFileSync(workload, `export default { name: 'w', code: '${code}' };`);
    await openSupplies({ run: 'r', config, dataset, folder }, workload, (line) => notes.push(line));
    return createHash('sha256')
      .update(readFileSync(join(folder, 'workload.mjs')))
      .digest('hex');
  };
  const noted = () => readConfigFile(join(folder, 'config.json')).$workloadSha256;

  const first = await serve('one');
  expect(noted()).toBe(first);
  expect(readConfig(folder)).toEqual(config);
  await serve('one');
  expect(notes).toEqual([]);

  // The digest alone tells as well.
  rmSync(join(folder, 'workload.mjs'));
  const second = await serve('two');
  expect(notes).toEqual([expect.stringContaining(`(sha256 ${first.slice(0, 8)} to ${second.slice(0, 8)})`)]);
  expect(noted()).toBe(second);
  const { folder: again, config: held } = RunFolder.reopen(folder, () => {});
  expect(held).toEqual(config);
  again.saveConfig('r', { ...config, epochs: 7 });
  expect([noted(), readConfig(folder).epochs]).toEqual([second, 7]);
  again.close();
});
