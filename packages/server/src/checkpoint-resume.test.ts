import { expect, it } from 'vitest';
import { createOptimizer, DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { MemoryDisk } from '@convoy/run-store/checkpoint-files.fixture';
import { loadNewestCheckpoint } from '@convoy/run-store/checkpoint-load';
import { CheckpointStore } from '@convoy/run-store/checkpoint-store';
import { identity, stateAt } from '@convoy/run-store/checkpoint.fixture';
import { Parameters } from './parameters.ts';

const ELEMENTS = 10;
const adam = createOptimizer(DEFAULT_OPTIMIZERS.adam, { tensors: [] });
const initial = () => Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i));

/** Updates `from` to `to`, with gradients that depend on nothing but their number. */
function train(parameters: Parameters, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const gradient = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.cos(step * 1.7 + i));
    parameters.update(gradient, 3, 1e-3);
  }
}

it.each([0, 1, 2, 7])('training goes on from a checkpoint after %d updates to the same bits', async (updates) => {
  const steady = new Parameters(initial(), adam);
  train(steady, 0, 20);

  const files = new MemoryDisk();
  await files.makeDirectory('/run');
  const first = new Parameters(initial(), adam);
  train(first, 0, updates);
  const store = await CheckpointStore.open({
    runFolder: '/run',
    identity,
    now: () => 0,
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_, error) => expect.unreachable(String(error)),
    files,
  });
  store.save(stateAt(updates, { optimizer: first.state }), 'interval');
  // The server does not wait for the disk.
  train(first, updates, 20);
  await store.flush();

  const { checkpoint } = await loadNewestCheckpoint('/run', {}, files);
  const second = new Parameters(initial().fill(0), adam);
  second.restore(checkpoint!.optimizer);
  expect(second.state.updates).toBe(updates);
  train(second, updates, 20);
  expect(second.state).toEqual(steady.state);
  expect(second.sha256()).toBe(steady.sha256());
});

it('a state of another length is refused', () => {
  const parameters = new Parameters(initial(), adam);
  const short = new Parameters(new Float32Array(3), adam);
  expect(() => parameters.restore(short.state)).toThrow('the state to restore is not of 10 parameters');
});
