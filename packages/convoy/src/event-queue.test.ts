import { describe, expect, it } from 'vitest';
import { EventQueue } from './event-queue.ts';

function queueOf(limit: number, ...events: readonly (number | string)[]): EventQueue<number | string> {
  const queue = new EventQueue<number | string>(limit, (count) => `missed ${count}`);
  for (const event of events) queue.push(event);
  return queue;
}

async function all<Event>(events: AsyncIterable<Event>): Promise<Event[]> {
  const taken: Event[] = [];
  for await (const event of events) taken.push(event);
  return taken;
}

describe('EventQueue', () => {
  it('gives what waited, and what comes while it is read, in order', async () => {
    const queue = queueOf(10, 1, 2);
    const reading = all(queue.read());
    await Promise.resolve();
    queue.push(3);
    queue.end();
    expect(await reading).toEqual([1, 2, 3]);
  });

  it('says how many events made room for newer ones', async () => {
    const queue = queueOf(3, 1, 2, 3, 4, 5, 6, 7);
    queue.end();
    expect(await all(queue.read())).toEqual(['missed 4', 5, 6, 7]);
  });

  it('throws what ended it, behind the last event', async () => {
    const queue = queueOf(3, 1);
    queue.end(new Error('no engine'));
    const reader = queue.read();
    expect(await reader.next()).toEqual({ done: false, value: 1 });
    await expect(reader.next()).rejects.toThrow('no engine');
  });

  it('keeps nothing for a reader that left, and has no second one', async () => {
    const queue = queueOf(3, 1, 2);
    for await (const event of queue.read()) {
      expect(event).toBe(1);
      break;
    }
    queue.push(3);
    await expect(all(queue.read())).rejects.toThrow('the events of a run can be read once');
  });
});
