import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string) => join(folder.path, name);
const RUN = [
  '--dataset',
  'synthetic',
  '--synthetic-size',
  '64',
  '--batch-size',
  '16',
  '--micro-batch',
  '8',
  '--deterministic',
];

const train = (name: string, ...more: string[]) =>
  convoy(['train', '--single', '--json', ...RUN, '--run-dir', at(name), ...more]);
const resume = (name: string, ...more: string[]) => convoy(['resume', at(name), '--single', '--json', ...more]);

describe('a run that is made longer', () => {
  it('comes to the parameters of a run that was as long from its start, and is as long from then on', async () => {
    const whole = summaryOf(await train('whole', '--epochs', '3'));
    summaryOf(await train('short', '--epochs', '1'));
    expect(summaryOf(await resume('short', '--epochs', '2')).parametersSha256).not.toBe(whole.parametersSha256);
    const longer = summaryOf(await resume('short', '--epochs', '3'));
    expect(longer.parametersSha256).toBe(whole.parametersSha256);
    expect(longer.testLoss).toBe(whole.testLoss);
    expect(readFileSync(join(at('short'), 'config.json'), 'utf8')).toBe(
      readFileSync(join(at('whole'), 'config.json'), 'utf8'),
    );
    // Nothing is left to do, and its checkpoints are still its own.
    expect(summaryOf(await resume('short')).parametersSha256).toBe(whole.parametersSha256);
    const shorter = await resume('short', '--epochs', '1');
    expect(shorter.stderr).toMatch(/this run can't be made longer: it has 12 steps already, and that would be 4/);
    expect(shorter.code).toBe(2);
  });

  it.each([
    [['--schedule', 'cosine'], 'its cosine schedule is as long as the run'],
    [['--early-stopping', '3', '--restore-best'], 'it ends with the best parameters that it had'],
  ])('is refused where what it has done depended on its length: %s', async (settings, reason) => {
    const name = settings.at(-1)!;
    summaryOf(await train(name, '--epochs', '1', ...settings));
    const { code, stderr } = await resume(name, '--epochs', '2');
    expect(stderr).toContain(`this run can't be made longer: ${reason}`);
    expect(code).toBe(2);
    // It goes on as it was.
    expect((await resume(name)).code).toBe(0);
  });
});
