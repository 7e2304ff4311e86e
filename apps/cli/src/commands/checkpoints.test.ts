import { expect, it } from 'vitest';
import { checkpointTable } from './checkpoints.ts';

const row = { name: 'n', epoch: 1, bytes: 10_861_000, metric: null, isBest: false, writtenAt: null, fault: null };

it('shows a line per checkpoint, the best one and the damage, and what a resumed run would start from', () => {
  const table = checkpointTable('runs/r', [
    { ...row, step: 680, metric: 0.5312, isBest: true },
    { ...row, step: 1360, epoch: 2, metric: 0.5001 },
    { ...row, step: 1500, epoch: null, bytes: 12, fault: 'adam-v.bin is missing' },
  ]);
  expect(table.split('\n')).toEqual([
    'step  epochs     size  validation accuracy  verdict',
    ' 680       1  10.9 MB       53.12 % (best)  verified',
    '1360       2  10.9 MB       50.01 %         verified',
    '1500           0.0 MB                       DAMAGED: adam-v.bin is missing',
    'a resumed run starts from step 1360',
    '',
  ]);
});

it('shows the mean absolute error of a regression', () => {
  const table = checkpointTable('runs/r', [
    { ...row, step: 680, meanAbsoluteError: 0.0123456, isBest: true },
    { ...row, step: 1360, epoch: 2, meanAbsoluteError: null },
  ]);
  expect(table.split('\n').slice(0, 3)).toEqual([
    'step  epochs     size  validation mean absolute error  verdict',
    ' 680       1  10.9 MB                  0.01235 (best)  verified',
    '1360       2  10.9 MB                                  verified',
  ]);
});

it('says so when there is nothing to resume from', () => {
  expect(checkpointTable('runs/r', [])).toBe('runs/r has no checkpoint yet\n');
  expect(checkpointTable('runs/r', [{ ...row, step: 1, fault: 'f' }])).toContain('no checkpoint can be resumed from\n');
});
