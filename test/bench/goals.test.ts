import { describe, expect, it } from 'vitest';
import { goalsOf, type ContenderResult, type StepResult } from './goals.ts';
import type { StepCost } from './step-bench.ts';

const contender = (name: string, ...measured: (number | null)[]): ContenderResult => ({
  name,
  resources: '',
  measured,
  steps: [],
  reason: null,
});
const cost = (ms: number, serverCpuMs = 10): StepCost => ({
  ms: [ms],
  server: { cpuMs: serverCpuMs, pageFaults: 40 },
  worker: { cpuMs: 9, pageFaults: 3 },
  serverRssBytes: 0,
  workersRssBytes: 0,
  serverRssByTenth: [],
  processes: 2,
  othersCores: null,
  leasedAgain: 0,
});
const find = (goals: ReturnType<typeof goalsOf>, name: string) => goals.find((goal) => goal.name.includes(name))!;

describe('goals', () => {
  it('are the same thirteen whatever was measured, and one that was not says why', () => {
    const goals = goalsOf([], []);
    expect(goals).toHaveLength(13);
    expect(goals.every(({ isMet, reason }) => isMet === null && reason!.endsWith('not asked for'))).toBe(true);
    const keras = { ...contender('Keras fit'), reason: 'there is no python3 with venv' };
    expect(find(goalsOf([contender('convoy 2 workers', 200), keras], []), '÷ Keras').reason).toBe(
      'Keras fit: there is no python3 with venv',
    );
  });

  it('are judged by the median of ratios taken within a round', () => {
    const both = [contender('convoy 2 workers', 190, 100, 186), contender('convoy 1 worker', 100, 100, 100)];
    expect(find(goalsOf(both, []), '÷ convoy 1 worker')).toMatchObject({
      measured: { median: 1.86, low: 1, high: 1.9 },
      isMet: true,
      reason: null,
    });
  });

  it('of a round that failed are judged by the others, and by none when no round has both', () => {
    const [two, one] = [contender('convoy 2 workers', 190, null), contender('convoy 1 worker', null, 100)];
    expect(find(goalsOf([two, one], []), '÷ convoy 1 worker')).toMatchObject({ measured: null, isMet: null });
    const three = contender('convoy 1 worker', 100, 100);
    expect(find(goalsOf([two, three], []), '÷ convoy 1 worker').measured?.median).toBe(1.9);
  });

  it("of the protocol divide the server's cost among its workers", () => {
    const steps: StepResult = { workers: 2, convoy: [cost(28, 16), null], raw: [cost(20), cost(20)], reason: null };
    const goals = goalsOf([], [steps]);
    expect(find(goals, 'raw sockets, 2 workers')).toMatchObject({ measured: { median: 1.4 }, isMet: true });
    expect(find(goals, "server's processor time")).toMatchObject({ measured: { median: 8 }, isMet: true });
    expect(find(goals, 'page faults')).toMatchObject({ measured: { median: 23 }, isMet: true });
  });
});
