import { expect, test } from 'vitest';
import { differingSettings, settingPaths } from './setting-paths.ts';

test('settings have paths, and a list is one setting', () => {
  expect(settingPaths({ seed: 7, schedule: { name: 'step', boundaries: [5, 9] }, augmentation: null })).toEqual([
    ['seed', 7],
    ['schedule.name', 'step'],
    ['schedule.boundaries', [5, 9]],
    ['augmentation', null],
  ]);
});

test('the settings that differ have a value for each configuration, none where it has no such setting', () => {
  const configs = [
    { seed: 7, optimizer: { name: 'sgd', momentum: 0.9 } },
    { seed: 7, optimizer: { name: 'adam' } },
  ];
  expect(differingSettings(configs)).toEqual({
    'optimizer.momentum': ['0.9', ''],
    'optimizer.name': ['"sgd"', '"adam"'],
  });
});
