import { expect, it } from 'vitest';
import type { ListedRun } from '@convoy/dashboard/replay/listed-run';
import { comparison, runsTable } from './runs.ts';

const run: ListedRun = {
  ...{ name: 'a', state: 'ended', step: 40, totalSteps: 40, startedAt: 0, lastAt: Date.UTC(2026, 10, 30, 9, 5) },
  ...{ metric: 'accuracy', validationMetric: 0.5312, testMetric: 0.5 },
};

it('a list has a line per run, with what is known of it', () => {
  const going: ListedRun = {
    ...{ ...run, name: 'longer-name', state: 'training', step: 7, totalSteps: 1_000 },
    ...{ lastAt: null, validationMetric: null, testMetric: null },
  };
  const regression: ListedRun = { ...run, metric: 'meanAbsoluteError', validationMetric: 0.0123456, testMetric: null };
  expect(runsTable([run, going, regression]).split('\n')).toEqual([
    'run          state       step  last change       validation     test',
    'a            ended      40/40  2026-11-30 09:05     53.12 %  50.00 %',
    'longer-name  training  7/1000',
    'a            ended      40/40  2026-11-30 09:05     0.01235',
  ]);
});

it('a folder whose name has control characters keeps its line, and the terminal obeys none of them', () => {
  expect(runsTable([{ ...run, name: 'a\n\u001B[31mb' }]).split('\n')[1]).toMatch(/^a\uFFFD\uFFFD\[31mb +ended/);
});

it('a comparison has the settings that differ, those included that one run lacks, and all figures', () => {
  const compared = comparison([
    { name: 'a', config: { seed: 1, epochs: 3, old: 0 }, figures: { steps: '4/4', test: '' } },
    { name: 'b', config: { seed: 1, epochs: 5 }, figures: { steps: '3/9', test: '50 %' } },
  ]);
  expect(compared).toEqual({
    names: ['a', 'b'],
    settings: { epochs: ['3', '5'], old: ['0', ''] },
    figures: { steps: ['4/4', '3/9'], test: ['', '50 %'] },
  });
});
