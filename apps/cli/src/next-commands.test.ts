import { testConfig } from '@convoy/training/config.fixture';
import { describe, expect, it } from 'vitest';
import { trainCommand } from './commands/train.ts';
import { nextCommands, type FinishedRun } from './next-commands.ts';

const CONFIG = testConfig({ epochs: 3 });
const FINISHED: FinishedRun = { folder: 'runs/x', config: CONFIG, reason: 'all steps are done', hasBetter: false };

function commandsAfter(given: readonly string[], run: Partial<FinishedRun> = {}): readonly string[] {
  const command = trainCommand().action(() => {});
  command.parse(given, { from: 'user' });
  return nextCommands({ ...FINISHED, ...run }, command, given).map((next) => next.command);
}

describe('nextCommands', () => {
  it('have the run, and where its model and data are', () => {
    expect(commandsAfter(['--workload', 'my x.ts', '--workers', '2', '--seed', '7'], { hasBetter: true })).toEqual([
      'npx convoy dashboard runs/x',
      "npx convoy evaluate runs/x --checkpoint best --workload 'my x.ts'",
      'npx convoy history runs/x',
      "npx convoy export runs/x --format keras --checkpoint best --workload 'my x.ts'",
      "npx convoy train --resume runs/x --epochs 6 --workload 'my x.ts' --workers 2",
    ]);
    expect(commandsAfter(['--data-dir', 'cifar'])[1]).toBe('npx convoy evaluate runs/x --data-dir cifar');
  });

  it('make a run longer in the unit that it was given, where it can be', () => {
    const last = (run: Partial<FinishedRun>) => commandsAfter([], run).at(-1);
    expect(last({ config: { ...CONFIG, maxSteps: 60 } })).toBe('npx convoy train --resume runs/x --steps 120');
    const notLonger = 'npx convoy export runs/x --format keras';
    expect(last({ reason: 'val_loss has not improved for 5 epochs' })).toBe(notLonger);
    const schedule = { name: 'cosine', decaySteps: null } as unknown as typeof CONFIG.schedule;
    expect(last({ config: { ...CONFIG, schedule } })).toBe(notLonger);
  });
});
