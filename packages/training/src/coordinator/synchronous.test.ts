import { describe, expect, it } from 'vitest';
import type { RunConfig } from '@convoy/protocol/run-config';
import { resolveConfig } from '../config.ts';
import { extentOf } from '../sampling.ts';
import { Course } from './course.ts';
import type { CoordinatorEffect, CoordinatorEvent } from './events.ts';
import { DEFAULT_COORDINATOR_OPTIONS, SynchronousCoordinator } from './synchronous.ts';

/** 3 steps of 4 micro-batches, without evaluations. */
const config: RunConfig = resolveConfig({
  dataset: { name: 'synthetic', seed: 1, trainCount: 24, testCount: 0 + 1 },
  epochs: 1,
  globalBatchSize: 8,
  microBatchSize: 2,
  validationSplit: 0,
});
const extent = { ...extentOf(config, { trainCount: 24, testCount: 0 }) };

type Lease = Extract<CoordinatorEffect, { type: 'lease' }>;

function start(options: Partial<typeof DEFAULT_COORDINATOR_OPTIONS> = {}, custom = extent) {
  const coordinator = new SynchronousCoordinator(new Course(config, custom), undefined, {
    ...DEFAULT_COORDINATOR_OPTIONS,
    ...options,
  });
  /** Effects of a run of events, commits answered at once. */
  const tell = (...events: CoordinatorEvent[]): CoordinatorEffect[] => {
    const all: CoordinatorEffect[] = [];
    for (const event of events) {
      const effects = coordinator.handle(event);
      all.push(...effects);
      for (const effect of effects) {
        if (effect.type === 'commit') all.push(...tell({ type: 'committed', task: effect.task.id }));
        if (effect.type === 'evaluate') all.push(...tell({ type: 'evaluated', task: effect.task.id }));
      }
    }
    return all;
  };
  return { coordinator, tell };
}

const join = (workerId: string): CoordinatorEvent => ({ type: 'worker-joined', workerId });
const leave = (workerId: string): CoordinatorEvent => ({ type: 'worker-left', workerId, reason: 'killed' });
const result = ({ workerId, task, block }: Lease): CoordinatorEvent => ({
  type: 'result-received',
  workerId,
  task: task.id,
  block,
});

function leases(effects: readonly CoordinatorEffect[]): Lease[] {
  return effects.filter((effect): effect is Lease => effect.type === 'lease');
}

const types = (effects: readonly CoordinatorEffect[]) => effects.map(({ type }) => type);

describe('the synchronous coordinator', () => {
  it('gives the whole step to a worker that is alone, after the parameters it needs', () => {
    const { tell } = start();
    expect(tell(join('a'))).toMatchObject([
      { type: 'open', task: { step: 0, epoch: 0, leaves: 4, attempt: 1 } },
      { type: 'send-parameters', workerId: 'a', step: 0 },
      { type: 'lease', workerId: 'a', block: { start: 0, size: 4 } },
    ]);
  });

  it('commits when the last leaf is in, and leases the next step at once', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(types(tell(result(lease!)))).toEqual(['collect', 'commit', 'open', 'send-parameters', 'lease']);
  });

  it('runs to the end and says so once', () => {
    const { coordinator, tell } = start();
    let [lease] = leases(tell(join('a')));
    const ends: CoordinatorEffect[] = [];
    for (let commits = 0; lease !== undefined; commits++) {
      expect(commits).toBeLessThan(4);
      const effects = tell(result(lease));
      ends.push(...effects.filter(({ type }) => type === 'finish'));
      [lease] = leases(effects);
    }
    expect(ends).toEqual([{ type: 'finish', outcome: 'completed', reason: 'all steps are done' }]);
    expect(coordinator.finished).toBe(true);
    expect(tell(leave('a'), join('b'))).toEqual([]);
  });

  it('splits the next step among the workers that are there', () => {
    const { tell } = start();
    const [first] = leases(tell(join('a')));
    expect(leases(tell(join('b')))).toEqual([]);
    expect(leases(tell(result(first!))).map(({ workerId, block }) => [workerId, block])).toEqual([
      ['a', { start: 0, size: 2 }],
      ['b', { start: 2, size: 2 }],
    ]);
  });

  it('leases the block of a worker that left to whoever is free, with the parameters', () => {
    const { tell } = start();
    tell(join('a'), join('b'));
    expect(tell(leave('a'))).toMatchObject([
      { type: 'release', block: { start: 0, size: 4 } },
      { type: 'send-parameters', workerId: 'b' },
      { type: 'lease', workerId: 'b', block: { start: 0, size: 4 } },
    ]);
  });

  it('does not wait for a worker that leaves last, when all it owed is in', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    const effects = tell(result(lease!), leave('a'));
    expect(types(effects)).toContain('commit');
    expect(effects.at(-1)).toMatchObject({ type: 'pause', ready: 0 });
  });

  it('pauses below minWorkers, holds what is in, and resumes', () => {
    const { tell } = start({ minWorkers: 2 });
    expect(tell(join('a'))).toMatchObject([{ type: 'open' }, { type: 'pause', ready: 1, minWorkers: 2 }]);
    const effects = tell(join('b'));
    expect(types(effects)).toEqual(['resume', 'send-parameters', 'lease', 'send-parameters', 'lease']);
    const [a] = leases(effects);
    expect(types(tell(leave('b')))).toEqual(['release', 'pause']);
    expect(types(tell(result(a!)))).toEqual(['collect']);
    expect(leases(tell(join('c'))).map(({ block }) => block)).toEqual([{ start: 2, size: 2 }]);
  });

  it('gives a draining worker nothing more, and takes what it still brings', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a'), join('b')));
    const effects = tell({ type: 'worker-draining', workerId: 'a' }, result(lease!));
    expect(types(effects)).toContain('collect');
    expect(new Set(leases(effects).map(({ workerId }) => workerId))).toEqual(new Set(['b']));
  });

  it('drops a result of an earlier step as stale', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    tell(result(lease!));
    expect(tell({ type: 'result-received', workerId: 'a', task: lease!.task.id, block: lease!.block })).toMatchObject([
      { type: 'discard', reason: 'stale' },
    ]);
  });

  it('drops a second result for a block as a duplicate', () => {
    const { tell } = start();
    tell(join('a'));
    const [, a] = [0, leases(tell(join('b'), leave('a')))[0]];
    // b holds everything; c joins, b answers half of the next step while c still computes.
    tell(join('c'));
    const [first] = leases(tell(result(a!)));
    tell(result(first!));
    expect(tell(result(first!))).toMatchObject([{ type: 'discard', reason: 'duplicate' }]);
  });

  it('drops a block that was never leased to its sender, and a result from a stranger', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell({ ...result(lease!), block: { start: 0, size: 2 } } as CoordinatorEvent)).toMatchObject([
      { type: 'discard', reason: 'stale' },
    ]);
    expect(tell({ ...result(lease!), workerId: 'x' } as CoordinatorEvent)).toMatchObject([
      { type: 'discard', reason: 'stale' },
    ]);
    expect(types(tell(result(lease!)))).toContain('commit');
  });

  it('leases a block again whose result was bad', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell({ type: 'result-invalid', workerId: 'a', task: lease!.task.id, block: lease!.block })).toMatchObject([
      { type: 'discard', reason: 'bad' },
      { type: 'release' },
      { type: 'lease', block: { start: 0, size: 4 } },
    ]);
  });

  it('repeats a step whose sum was refused once, then skips it, then halts after three', () => {
    const { coordinator } = start();
    let effects = coordinator.handle(join('a'));
    const seen: string[] = [];
    while (!coordinator.finished) {
      const [lease] = leases(effects);
      const [commit] = coordinator.handle(result(lease!)).filter(({ type }) => type === 'commit');
      const { task } = commit as Extract<CoordinatorEffect, { type: 'commit' }>;
      seen.push(`${task.step}/${task.attempt}`);
      effects = coordinator.handle({ type: 'commit-refused', task: task.id, reason: 'it is not finite' });
      seen.push(...types(effects).filter((type) => type === 'retry' || type === 'skip' || type === 'finish'));
    }
    expect(seen).toEqual([
      '0/1',
      'retry',
      '0/2',
      'skip',
      '1/1',
      'retry',
      '1/2',
      'skip',
      '2/1',
      'retry',
      '2/2',
      'skip',
      'finish',
    ]);
    expect(effects.at(-1)).toMatchObject({ outcome: 'halted', reason: expect.stringContaining('it is not finite') });
  });

  it('stops where it stands when asked, and drops what comes after', () => {
    const { coordinator, tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell({ type: 'stop-requested', reason: 'Ctrl-C' })).toEqual([
      { type: 'finish', outcome: 'interrupted', reason: 'Ctrl-C' },
    ]);
    expect(tell(result(lease!), { type: 'stop-requested', reason: 'again' })).toMatchObject([
      { type: 'discard', reason: 'stale' },
    ]);
    expect(coordinator.finished).toBe(true);
  });

  it('validates at the end of an epoch and tests at the end of the run, in disjoint pieces', () => {
    const withEvaluations = { ...extent, totalSteps: 1, validationSamples: 500, testSamples: 300 };
    const { tell } = start({}, withEvaluations);
    const [lease] = leases(tell(join('a'), join('b')));
    const opened: unknown[] = [];
    const queue = [result(lease!)];
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      const effects = tell(event);
      queue.push(...leases(effects).map(result));
      for (const effect of effects) if (effect.type === 'open' || effect.type === 'finish') opened.push(effect);
    }
    expect(opened).toMatchObject([
      { task: { kind: 'evaluation', purpose: 'validation', leaves: 2, step: 1 } },
      { task: { kind: 'evaluation', purpose: 'test', leaves: 2, step: 1 } },
      { type: 'finish', outcome: 'completed' },
    ]);
  });

  it('refuses to be told twice that a worker joined, or of a commit it did not order', () => {
    const { coordinator } = start();
    coordinator.handle(join('a'));
    expect(() => coordinator.handle(join('a'))).toThrow('joined twice');
    expect(() => coordinator.handle({ type: 'committed', task: 0 })).toThrow('had not asked for');
  });
});
