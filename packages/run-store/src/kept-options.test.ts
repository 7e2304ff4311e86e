import { afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepOptions, type KeptOptions } from './kept-options.ts';

const base = mkdtempSync(join(tmpdir(), 'convoy-options-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const defaults: KeptOptions = {
  checkpointEvery: { steps: null, ms: 60_000 },
  keepCheckpoints: 3,
  onCollapse: 'halt',
};

describe("a run's options", () => {
  it('are those given at first, on every resume that says nothing else, and a change is told', () => {
    const notes: string[] = [];
    const keep = (given: Parameters<typeof keepOptions>[1]) =>
      keepOptions(base, given, defaults, (line) => notes.push(line));
    const first = keep({ checkpointEvery: { steps: 16, ms: null }, onCollapse: 'rollback' });
    expect(first).toEqual({ checkpointEvery: { steps: 16, ms: null }, keepCheckpoints: 3, onCollapse: 'rollback' });
    expect(keep({})).toEqual(first);
    expect(keep({ keepCheckpoints: 3, onCollapse: undefined })).toEqual(first);
    expect(notes).toEqual([]);
    const changed = keep({ checkpointEvery: { steps: null, ms: 5_000 }, onCollapse: 'halt' });
    expect(notes).toEqual([
      '--checkpoint-every is 5s from now on; this run had 16',
      '--on-collapse is halt from now on; this run had rollback',
    ]);
    expect(keep({})).toEqual(changed);
  });

  it('are refused in one line where the file was changed', () => {
    writeFileSync(join(base, 'options.json'), '{"keepCheckpoints": 0}');
    expect(() => keepOptions(base, {}, defaults, () => {})).toThrow(
      /options\.json is not what was written: restore it/,
    );
  });
});
