import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { damageCheckpoint, intactCheckpoints } from './checkpoint-damage.ts';

const run = mkdtempSync(join(tmpdir(), 'convoy-chaos-'));
const parameters = join(run, 'checkpoints', 'step-00000010', 'parameters.bin');
afterAll(() => rmSync(run, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ['step-00000010', 'step-00000005', '.writing-step-00000015-ab']) {
    mkdirSync(join(run, 'checkpoints', name), { recursive: true });
  }
  writeFileSync(parameters, Buffer.alloc(100));
});

describe('damageCheckpoint', () => {
  it('flips one bit and nothing else', () => {
    expect(damageCheckpoint(run, 'step-00000010', 'flip', 0.5)).toBe('flipped bit 400 of step-00000010/parameters.bin');
    const bytes = readFileSync(parameters);
    expect(bytes.byteLength).toBe(100);
    expect([...bytes.entries()].filter(([, byte]) => byte !== 0)).toEqual([[50, 1]]);
  });

  it('cuts the file, to nothing at the least and never not at all', () => {
    expect(damageCheckpoint(run, 'step-00000010', 'truncate', 1 - 2 ** -24)).toBe(
      'truncated step-00000010/parameters.bin to 99 of 100 bytes',
    );
    expect(readFileSync(parameters).byteLength).toBe(99);
    damageCheckpoint(run, 'step-00000010', 'truncate', 0);
    expect(readFileSync(parameters).byteLength).toBe(0);
  });
});

describe('intactCheckpoints', () => {
  it('lists what is complete and was not damaged, newest last', () => {
    const names = (damaged: string[]) => intactCheckpoints(run, new Set(damaged)).map(({ name }) => name);
    expect(names([])).toEqual(['step-00000005', 'step-00000010']);
    expect(names(['step-00000010'])).toEqual(['step-00000005']);
  });
});
