import { appendFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { step } from './events.fixture.ts';
import { EventTail } from './event-tail.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-chaos-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('reads whole lines only, and what takes the place of half a line that a resumed run cut off', () => {
  const path = join(folder, 'events.jsonl');
  const line = (number: number) => `${JSON.stringify(step(number))}\n`;
  const heard: number[] = [];
  const tail = new EventTail(path, (event) => heard.push(event.at));
  tail.read();
  expect(heard).toEqual([]);

  appendFileSync(path, line(1) + line(2).slice(0, 20));
  tail.read();
  expect(heard).toEqual([1_000]);

  truncateSync(path, line(1).length);
  appendFileSync(path, line(3));
  tail.read();
  expect(heard).toEqual([1_000, 3_000]);

  appendFileSync(path, line(4));
  tail.close();
  expect(tail.events).toEqual([step(1), step(3), step(4)]);
});
