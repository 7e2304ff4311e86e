import { describe, expect, it } from 'vitest';
import { cifar10 } from './workload.ts';

const nowhere = { environment: { CONVOY_CACHE_DIR: '/nowhere' }, download: false };

describe('the workload that Convoy brings', () => {
  it('owns CIFAR-10 and the synthetic set, and no data of a file', () => {
    expect(cifar10.owns({ name: 'cifar10' })).toBe(true);
    expect(cifar10.owns({ name: 'synthetic', seed: 1, trainCount: 10, testCount: 2 })).toBe(true);
    expect(cifar10.owns({ name: 'workload', workload: 'cifar10' })).toBe(false);
  });

  it('knows the classes of its data sets without opening them', async () => {
    const synthetic = { name: 'synthetic', seed: 1, trainCount: 10, testCount: 2 } as const;
    const { classNames } = await cifar10.openDataset(synthetic, nowhere);
    expect(cifar10.classNames!(synthetic)).toEqual(classNames);
    expect(cifar10.classNames!({ name: 'cifar10' })[3]).toBe('cat');
  });

  it('has synthetic images to stand in for CIFAR-10, unless somebody has said where that is', async () => {
    await expect(cifar10.openDataset({ name: 'cifar10' }, nowhere)).rejects.toThrow('CIFAR-10 is not in');
    expect(cifar10.standIn!({ ...nowhere, syntheticSize: 50 })?.dataset).toEqual({
      name: 'synthetic',
      seed: 1,
      trainCount: 50,
      testCount: 10,
    });
    expect(cifar10.standIn!({ ...nowhere, dataDir: '/nowhere' })).toBeNull();
    expect(cifar10.standIn!({ environment: { CIFAR10_DIR: '/nowhere' } })).toBeNull();
  });
});
