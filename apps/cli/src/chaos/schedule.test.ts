import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, faultSchedule, victimOf, type Fault, type ScheduleOptions } from './schedule.ts';

const OPTIONS: ScheduleOptions = { seed: 1, meanMs: 5_000, kinds: FAULT_KINDS, deadAfterMs: 3_000 };

function faults(count: number, options: Partial<ScheduleOptions> = {}): Fault[] {
  const schedule = faultSchedule({ ...OPTIONS, ...options });
  return Array.from({ length: count }, () => schedule.next().value);
}

describe('faultSchedule', () => {
  it('is the same for the same seed and another for another', () => {
    expect(faults(100)).toEqual(faults(100));
    expect(faults(100, { seed: 2 })).not.toEqual(faults(100));
  });

  it('is pinned: a seed in a bug report replays what was reported', () => {
    expect(faults(3)).toMatchInlineSnapshot(`
      [
        {
          "atMs": 18330,
          "how": "truncate",
          "kind": "corrupt",
          "outage": {
            "againAfterMs": null,
            "backAfterMs": 2042,
          },
          "where": 0.8917711973190308,
        },
        {
          "atMs": 18902,
          "kind": "join",
        },
        {
          "atMs": 19395,
          "how": "kill",
          "kind": "server",
          "outage": {
            "againAfterMs": 1381,
            "backAfterMs": 1287,
          },
        },
      ]
    `);
  });

  it('goes forward in time, with exponential gaps of the asked mean', () => {
    const times = faults(6_000).map(({ atMs }) => atMs);
    const gaps = times.map((atMs, index) => atMs - (times[index - 1] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
    // The mean of 6000 exponential gaps has a standard error of 5000 / √6000 = 65 ms; of the median, about as much.
    expect(times.at(-1)! / times.length).toBeCloseTo(5_000, -3);
    gaps.sort((a, b) => a - b);
    expect(gaps[3_000]).toBeGreaterThan(5_000 * Math.LN2 - 300);
    expect(gaps[3_000]).toBeLessThan(5_000 * Math.LN2 + 300);
  });

  it('has each kind once in as many faults as there are kinds', () => {
    const kinds = faults(60).map(({ kind }) => kind);
    for (let start = 0; start < kinds.length; start += FAULT_KINDS.length) {
      expect(kinds.slice(start, start + FAULT_KINDS.length).sort()).toEqual([...FAULT_KINDS].sort());
    }
  });

  it('has only the kinds that were asked for', () => {
    expect(new Set(faults(50, { kinds: ['kill', 'server'] }).map(({ kind }) => kind))).toEqual(
      new Set(['kill', 'server']),
    );
  });

  it('freezes for times shorter and longer than the one after which a worker is dead', () => {
    const times = faults(200).flatMap((fault) => (fault.kind === 'freeze' ? [fault.forMs] : []));
    expect(times.some((ms) => ms < 3_000)).toBe(true);
    expect(times.some((ms) => ms > 3_000)).toBe(true);
    expect(times.every((ms) => ms > 0)).toBe(true);
  });

  it('meets every variant: all workers at once, a coordinator killed twice, both damages', () => {
    const many = faults(600);
    const variants = many.flatMap((fault) => {
      if (fault.kind === 'kill') return [`everyone ${fault.everyone}`];
      if (fault.kind === 'corrupt') return [fault.how, `again ${fault.outage.againAfterMs !== null}`];
      return fault.kind === 'server' ? [`server ${fault.how}`] : [];
    });
    expect(new Set(variants)).toEqual(
      new Set([
        ...['everyone true', 'everyone false', 'flip', 'truncate'],
        ...['again true', 'again false', 'server kill', 'server freeze'],
      ]),
    );
  });
});

describe('victimOf', () => {
  it('is one of those there are, whatever number was drawn', () => {
    expect(victimOf(7, ['a', 'b', 'c'])).toBe('b');
    expect(victimOf(2 ** 32 - 1, ['a'])).toBe('a');
    expect(victimOf(3, [])).toBeUndefined();
  });
});
