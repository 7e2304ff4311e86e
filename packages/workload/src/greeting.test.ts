import { expect, it, onTestFinished, vi } from 'vitest';
import { withoutGreeting } from './greeting.ts';

const GREETING =
  '\n============================\nHi, looks like you are running TensorFlow.js in Node.js. To speed things up …';

it("drops TensorFlow.js's greeting and no other warning, while any of the calls runs", async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const greet = () => void console.warn(GREETING);
  let finishFirst = () => {};
  const first = withoutGreeting(() => new Promise<void>((resolve) => (finishFirst = resolve)));
  await withoutGreeting(() => console.warn('your data are sorted', 3));
  greet();
  expect(warn.mock.calls).toEqual([['your data are sorted', 3]]);
  finishFirst();
  await first;
  await expect(
    withoutGreeting(() => {
      greet();
      throw new Error('the workload failed');
    }),
  ).rejects.toThrow('the workload failed');
  greet();
  expect(warn.mock.calls).toEqual([['your data are sorted', 3], [GREETING]]);
});
