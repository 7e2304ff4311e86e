import { expect, it } from 'vitest';
import { DEFAULT_ADAM } from '@convoy/training/adam';
import { MemoryDisk } from './checkpoint-files.fixture.ts';
import { loadNewestCheckpoint } from './checkpoint-load.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { identity, stateAt } from './checkpoint.fixture.ts';
import { Parameters } from './parameters.ts';

const ELEMENTS = 10;
const initial = () => Float32Array.from({ length: ELEMENTS }, (_, i) => Math.sin(i));

/** Updates `from` to `to`, with gradients that depend on nothing but their number. */
function train(parameters: Parameters, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const gradient = Float32Array.from({ length: ELEMENTS }, (_, i) => Math.cos(step * 1.7 + i));
    parameters.update(gradient, 3, DEFAULT_ADAM);
  }
}

it.each([0, 1, 2, 7])('training goes on from a checkpoint after %d updates to the same bits', async (updates) => {
  const steady = new Parameters(initial());
  train(steady, 0, 20);

  const files = new MemoryDisk();
  await files.makeDirectory('/run');
  const first = new Parameters(initial());
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
  const second = new Parameters(initial().fill(0));
  second.restore(checkpoint!.optimizer);
  expect(second.state.updates).toBe(updates);
  train(second, updates, 20);
  expect(second.state).toEqual(steady.state);
  expect(second.sha256()).toBe(steady.sha256());
});

it('a state of another length is refused', () => {
  const parameters = new Parameters(initial());
  const short = new Parameters(new Float32Array(3));
  expect(() => parameters.restore(short.state)).toThrow('the state to restore is not of 10 parameters');
});
