import { describe, expect, it } from 'vitest';
import type { RunConfig } from '@convoy/protocol/run-config';
import { testConfig } from '../config.fixture.ts';
import { planRun } from '../sampling.ts';
import { TaskSequence } from './task-sequence.ts';
import type { CoordinatorEffect, CoordinatorEvent, Holding } from './events.ts';
import { Coordinator } from './coordinator.ts';
import { DEFAULT_COORDINATOR_OPTIONS } from './options.ts';

/** 3 steps of 4 micro-batches, without evaluations. */
const config: RunConfig = testConfig({
  dataset: { name: 'synthetic', seed: 1, trainCount: 24, testCount: 0 + 1 },
  epochs: 1,
  globalBatchSize: 8,
  microBatchSize: 2,
  validationSplit: 0,
});
const plan = { ...planRun(config, { trainCount: 24, testCount: 0 }) };

type Lease = Extract<CoordinatorEffect, { type: 'lease' }>;

function start(options: Partial<typeof DEFAULT_COORDINATOR_OPTIONS> = {}, custom = plan) {
  const coordinator = new Coordinator(new TaskSequence(config, custom), undefined, {
    ...DEFAULT_COORDINATOR_OPTIONS,
    ...options,
  });
  const clock = { ms: 0 };
  /** Effects of a run of events, commits answered at once. */
  const tell = (...events: CoordinatorEvent[]): CoordinatorEffect[] => {
    const all: CoordinatorEffect[] = [];
    for (const event of events) {
      const effects = coordinator.handle(event, clock.ms);
      all.push(...effects);
      for (const effect of effects) {
        if (effect.type === 'commit') all.push(...tell({ type: 'committed', task: effect.task.id }));
        if (effect.type === 'evaluate') all.push(...tell({ type: 'evaluated', task: effect.task.id }));
      }
    }
    return all;
  };
  /** Lets time pass in ticks of a second, in which the named workers are heard. */
  const wait = (ms: number, ...heard: string[]): CoordinatorEffect[] => {
    const all: CoordinatorEffect[] = [];
    for (const endMs = clock.ms + ms; clock.ms < endMs;) {
      clock.ms = Math.min(endMs, clock.ms + 1_000);
      all.push(...tell(...heard.map((workerId): CoordinatorEvent => ({ type: 'worker-heard', workerId })), tick));
    }
    return all;
  };
  return { coordinator, tell, wait, clock };
}

const tick: CoordinatorEvent = { type: 'tick' };
/** Each from a machine of its own, unless it is said from where. */
const join = (workerId: string, holding: Holding | null = null, origin = `at ${workerId}`): CoordinatorEvent => ({
  type: 'worker-joined',
  workerId,
  origin,
  holding,
});
const lose = (workerId: string): CoordinatorEvent => ({ type: 'worker-lost', workerId, reason: 'reset' });
const leave = (workerId: string): CoordinatorEvent => ({
  type: 'worker-left',
  workerId,
  reason: 'killed',
  atFault: false,
});
const result = ({ workerId, task, block }: Lease, suspicion: string | null = null): CoordinatorEvent => ({
  type: 'result-received',
  workerId,
  task: task.id,
  block,
  suspicion,
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
    expect(effects.at(-1)).toMatchObject({ type: 'wait', ready: 0 });
  });

  it('waits below minWorkers, holds what is in, and resumes', () => {
    const { tell } = start({ minWorkers: 2 });
    expect(tell(join('a'))).toMatchObject([{ type: 'open' }, { type: 'wait', ready: 1, minWorkers: 2 }]);
    const effects = tell(join('b'));
    expect(types(effects)).toEqual(['resume', 'send-parameters', 'lease', 'send-parameters', 'lease']);
    const [a] = leases(effects);
    expect(types(tell(leave('b')))).toEqual(['release', 'wait']);
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
    expect(tell(result(lease!))).toMatchObject([{ type: 'discard', reason: 'stale' }]);
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

  it('repeats a step whose sum was refused once, then skips it, then halts after three', () => {
    const { coordinator } = start();
    let effects = coordinator.handle(join('a'), 0);
    const seen: string[] = [];
    while (!coordinator.finished) {
      const [lease] = leases(effects);
      const [commit] = coordinator.handle(result(lease!), 0).filter(({ type }) => type === 'commit');
      const { task } = commit as Extract<CoordinatorEffect, { type: 'commit' }>;
      seen.push(`${task.step}/${task.attempt}`);
      effects = coordinator.handle({ type: 'commit-refused', task: task.id, reason: 'it is not finite' }, 0);
      if (task.attempt === 2) effects = [...effects, ...coordinator.handle({ type: 'skipped', task: task.id }, 0)];
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

  describe('that is told that the training has ended', () => {
    const custom = { ...plan, totalSteps: 6, validationSamples: 500, testSamples: 300 };
    const answer = (effects: readonly CoordinatorEffect[]) => {
      const [order] = effects.filter(({ type }) => type === 'commit' || type === 'evaluate');
      return (order as Extract<CoordinatorEffect, { type: 'commit' | 'evaluate' }>).task.id;
    };

    /** A machine whose worker has done three steps and their validation, which is not concluded. */
    function validated() {
      const coordinator = new Coordinator(new TaskSequence(config, custom));
      let effects = coordinator.handle(join('a'), 0);
      for (let step = 0; step < 3; step++) {
        effects = coordinator.handle(result(leases(effects)[0]!), 0);
        effects = coordinator.handle({ type: 'committed', task: answer(effects) }, 0);
      }
      return { coordinator, evaluate: answer(coordinator.handle(result(leases(effects)[0]!), 0)) };
    }

    it('tests what it arrived at, keeps a checkpoint behind that, and ends as completed', () => {
      const { coordinator, evaluate } = validated();
      coordinator.handle({ type: 'training-ended', reason: 'enough' }, 0);
      let effects = coordinator.handle({ type: 'evaluated', task: evaluate }, 0);
      expect(effects).toMatchObject([{ type: 'open', task: { purpose: 'test', step: 3 } }, { type: 'lease' }]);
      effects = coordinator.handle(result(leases(effects)[0]!), 0);
      expect(coordinator.handle({ type: 'evaluated', task: answer(effects) }, 0)).toEqual([
        { type: 'checkpoint', position: { step: 3, due: [] }, cause: 'validation' },
        { type: 'finish', outcome: 'completed', reason: 'enough' },
      ]);
      expect(coordinator.standing).toEqual({
        resumed: true,
        position: { step: 3, due: [] },
        consecutiveSkips: 0,
        stopReason: 'enough',
      });
    });

    it('goes on with the test in another process, and takes no step there', () => {
      const position = { step: 3, due: ['test'] } as const;
      const start = { resumed: true, position, consecutiveSkips: 0, stopReason: 'enough' };
      const resumed = new Coordinator(new TaskSequence(config, custom), start);
      const effects = resumed.handle(join('b'), 0);
      expect(effects).toMatchObject([{ type: 'open', task: { purpose: 'test', step: 3 } }, {}, { type: 'lease' }]);
      const order = answer(resumed.handle(result(leases(effects)[0]!), 0));
      expect(types(resumed.handle({ type: 'evaluated', task: order }, 0))).toEqual(['checkpoint', 'finish']);
    });

    it('sends parameters that were replaced to whoever has those of the same step', () => {
      const { coordinator, evaluate } = validated();
      coordinator.handle({ type: 'parameters-replaced' }, 0);
      coordinator.handle({ type: 'training-ended', reason: 'enough' }, 0);
      const effects = coordinator.handle({ type: 'evaluated', task: evaluate }, 0);
      expect(types(effects)).toEqual(['open', 'send-parameters', 'lease']);
    });

    it('does not believe it while a task is being computed', () => {
      const coordinator = new Coordinator(new TaskSequence(config, custom));
      coordinator.handle(join('a'), 0);
      expect(() => coordinator.handle({ type: 'training-ended', reason: 'enough' }, 0)).toThrow('being computed');
    });
  });

  it('stops where it stands when asked, and drops what comes after', () => {
    const { coordinator, tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell({ type: 'stop-requested', reason: 'Ctrl-C' })).toEqual([
      { type: 'checkpoint', position: { step: 0, due: [] }, cause: 'end' },
      { type: 'finish', outcome: 'interrupted', reason: 'Ctrl-C' },
    ]);
    expect(tell(result(lease!), { type: 'stop-requested', reason: 'again' })).toMatchObject([
      { type: 'discard', reason: 'stale' },
    ]);
    expect(coordinator.finished).toBe(true);
  });

  it('validates at the end of an epoch and tests at the end of the run, in disjoint pieces', () => {
    const withEvaluations = { ...plan, totalSteps: 1, validationSamples: 500, testSamples: 300 };
    const { tell } = start({}, withEvaluations);
    const [lease] = leases(tell(join('a'), join('b')));
    const opened: unknown[] = [];
    const queue = [result(lease!)];
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      const effects = tell(event);
      queue.push(...leases(effects).map((lease) => result(lease)));
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
    coordinator.handle(join('a'), 0);
    expect(() => coordinator.handle(join('a'), 0)).toThrow('joined twice');
    expect(() => coordinator.handle({ type: 'committed', task: 0 }, 0)).toThrow('had not asked for');
  });
});

describe('its members', () => {
  it('keeps the lease of a worker whose connection broke, and takes its result when it is back in time', () => {
    const { tell, wait } = start();
    const [lease] = leases(tell(join('a')));
    expect(types(tell(lose('a')))).toEqual(['suspect', 'wait']);
    wait(1_000);
    const holding = { task: lease!.task.id, block: lease!.block };
    expect(types(tell(join('a', holding)))).toEqual(['recover', 'resume']);
    expect(types(tell(result(lease!)))).toContain('commit');
  });

  it('releases the lease of a worker that came back without it', () => {
    const { tell } = start();
    tell(join('a'), lose('a'));
    expect(types(tell(join('a')))).toEqual(['recover', 'release', 'resume', 'send-parameters', 'lease']);
  });

  it('forgets a worker that does not come back, and has what it brings later given up before it gets more', () => {
    const { tell, wait } = start();
    const [lease] = leases(tell(join('a')));
    tell(lose('a'));
    expect(wait(2_000)).toMatchObject([{ type: 'release' }, { type: 'expel', workerId: 'a', cause: 'dead' }]);
    const holding = { task: lease!.task.id, block: lease!.block };
    expect(types(tell(join('a', holding)))).toEqual(['cancel', 'resume']);
    expect(types(tell({ type: 'lease-returned', workerId: 'a', ...holding }))).toEqual(['send-parameters', 'lease']);
  });

  it('lets an idle worker compute the block of one whose connection broke, at once', () => {
    const { tell } = start();
    tell(join('a'), join('b'));
    const effects = tell(lose('a'));
    expect(leases(effects)).toMatchObject([{ workerId: 'b', instead: 'a', block: { start: 0, size: 4 } }]);
    // Either may deliver; the other is told to stop, also when it is back after that.
    const [second] = leases(effects);
    expect(types(tell(result(second!)))).toContain('commit');
    expect(tell(join('a', { task: second!.task.id, block: second!.block }))[1]).toMatchObject({ type: 'cancel' });
  });

  it('suspects after three silent seconds, forgets after ten, and takes every sign of life', () => {
    const { tell, wait } = start();
    tell(join('a'));
    expect(wait(2_000)).toEqual([]);
    expect(types(wait(1_000))).toEqual(['suspect', 'wait']);
    expect(types(tell({ type: 'worker-heard', workerId: 'a' }))).toEqual(['recover', 'resume']);
    const effects = wait(10_000);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'expel', cause: 'dead' }));
  });

  it('does not blame the workers for seconds in which it stood still itself', () => {
    const { tell, clock } = start();
    const [lease] = leases(tell(join('a')));
    clock.ms += 60_000;
    expect(tell(tick)).toEqual([]);
    expect(types(tell(result(lease!)))).toContain('commit');
  });

  it('leases a block again when its deadline has passed and somebody is idle, and takes the first result', () => {
    const { tell, clock, wait } = start();
    const [a] = leases(tell(join('a'), join('b')));
    clock.ms += 100;
    const effects = tell(result(a!));
    const [left, right] = leases(effects);
    clock.ms += 50;
    tell(result(left!));
    // Twice the usual 25 ms per leaf, for two leaves.
    const { workerId } = right!;
    const second = leases(wait(1_000, 'a', 'b'))[0];
    expect(second).toMatchObject({ instead: workerId, block: right!.block, task: right!.task });
    expect(types(tell(result(second!)))).toEqual(expect.arrayContaining(['cancel', 'collect', 'commit']));
    expect(tell(result(right!))).toContainEqual(expect.objectContaining({ type: 'discard', reason: 'stale' }));
  });

  it('calls a worker hung that lives and does not deliver, and gives its block to another', () => {
    const { tell, clock, wait } = start();
    let [lease] = leases(tell(join('a')));
    for (let step = 0; step < 2; step++) {
      clock.ms += 400;
      [lease] = leases(tell(result(lease!)));
    }
    const effects = wait(10_000, 'a');
    expect(effects.filter(({ type }) => ['quarantine', 'release', 'expel'].includes(type))).toMatchObject([
      { type: 'quarantine', workerId: 'a', forMs: 1_000 },
      { type: 'release' },
      { type: 'expel', cause: 'hung' },
    ]);
    // It may come back, after a while.
    expect(leases(tell(join('a')))).toEqual([]);
    expect(leases(wait(1_000, 'a'))).toHaveLength(1);
  });

  it('lets a worker that is only slow finish some day: hung comes after twice as long each time', () => {
    const { tell, wait, clock } = start();
    let [lease] = leases(tell(join('fast')));
    for (let step = 0; step < 2; step++) {
      clock.ms += 400;
      [lease] = leases(tell(result(lease!)));
    }
    expect(leases(tell(leave('fast'), join('slow')))).toHaveLength(1);
    expect(types(wait(15_000, 'slow'))).toContain('expel');
    [lease] = leases(tell(join('slow')));
    expect(types(wait(15_000, 'slow'))).not.toContain('expel');
    expect(types(tell(result(lease!)))).toContain('commit');
  });

  it('takes no result for a lease that was forgotten: its block is free or another works at it', () => {
    const { tell, wait } = start();
    const [lease] = leases(tell(join('a')));
    tell(lose('a'));
    wait(2_000);
    const [left, right] = leases(tell(join('b'), join('c'), join('a', { task: lease!.task.id, block: lease!.block })));
    // b had it to itself: c came too late for a share.
    expect([left!.block, right]).toEqual([lease!.block, undefined]);
    expect(tell(result(lease!))).toMatchObject([{ type: 'discard', reason: 'stale' }]);
    expect(types(tell(result(left!)))).toEqual(expect.arrayContaining(['collect', 'commit']));
  });

  it('releases a block although another still computes it who was told to stop', () => {
    const { tell, wait } = start();
    const [lease] = leases(tell(join('a')));
    tell(lose('a'));
    wait(2_000);
    const holding = { task: lease!.task.id, block: lease!.block };
    tell(join('b'), join('a', holding));
    expect(types(tell(leave('b')))).toEqual(['release']);
    expect(leases(tell({ type: 'lease-returned', workerId: 'a', ...holding }))).toMatchObject([
      { block: lease!.block },
    ]);
  });

  it('sends away who returns unbelievable values, for longer each time, and asks somebody else', () => {
    const { tell, wait } = start();
    const effects = tell(join('a'), join('b'));
    const bad = tell(result(leases(effects)[0]!, 'not finite'));
    expect(types(bad)).toEqual(['discard', 'quarantine', 'release', 'expel', 'send-parameters', 'lease']);
    expect(leases(bad)[0]!.workerId).toBe('b');
    tell(join('a'));
    wait(1_000, 'a', 'b');
    const [again] = leases(tell(result(leases(bad)[0]!))).filter(({ workerId }) => workerId === 'a');
    expect(tell(result(again!, 'not finite'))).toContainEqual(
      expect.objectContaining({ type: 'quarantine', workerId: 'a', forMs: 2_000 }),
    );
  });

  it('believes what two workers found, and a worker that is alone: then the guard decides', () => {
    const { tell } = start();
    const [first] = leases(tell(join('a'), join('b')));
    const [second] = leases(tell(result(first!, 'not finite')));
    expect(types(tell(result(second!, 'not finite')))).toContain('commit');
    expect(leases(tell(join('a'))).length).toBe(0);

    const alone = start();
    const [lease] = leases(alone.tell(join('a')));
    expect(types(alone.tell(result(lease!, 'not finite')))).toContain('commit');
  });

  it('puts a worker in quarantine whose connection keeps breaking', () => {
    const { tell } = start();
    for (let n = 0; n < 5; n++) expect(types(tell(join('a'), lose('a')))).not.toContain('quarantine');
    expect(types(tell(join('a'), lose('a')))).toContain('quarantine');
    const again = tell(join('a'));
    expect(leases(again)).toEqual([]);
    expect(again).toContainEqual({ type: 'quarantine', workerId: 'a', forMs: 1_000, reason: 'its quarantine goes on' });
  });

  it('puts a worker in quarantine that gives a lease back which nobody cancelled, so that others get it', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('shirker')));
    tell(join('b'));
    const returned = tell({
      type: 'lease-returned',
      workerId: 'shirker',
      task: lease!.task.id,
      block: lease!.block,
    });
    expect(returned).toMatchObject([
      { type: 'release', workerId: 'shirker' },
      { type: 'quarantine', workerId: 'shirker', forMs: 1_000 },
      { type: 'send-parameters', workerId: 'b' },
      { type: 'lease', workerId: 'b', block: lease!.block },
    ]);
    expect(leases(tell(result(leases(returned)[0]!))).every(({ workerId }) => workerId === 'b')).toBe(true);
  });

  it('puts a worker in quarantine that broke the protocol, and one that keeps leaving', () => {
    const { tell } = start();
    tell(join('a'));
    const left = tell({ type: 'worker-left', workerId: 'a', reason: 'result.samples: wrong', atFault: true });
    expect(left).toContainEqual({ type: 'quarantine', workerId: 'a', forMs: 1_000, reason: 'result.samples: wrong' });
    expect(leases(tell(join('a')))).toEqual([]);
    for (let n = 0; n < 5; n++) expect(types(tell(join('b'), leave('b')))).not.toContain('quarantine');
    expect(types(tell(join('b'), leave('b')))).toContain('quarantine');
  });

  describe('beside a straggler that is ten times as slow', () => {
    /** Trains with three workers, of whom one takes `slowMs` for a micro-batch and the others 100 ms. */
    function train(slowMs: number) {
      const { tell, clock } = start({}, { ...plan, totalSteps: 30 });
      const computing: { readonly lease: Lease; readonly atMs: number }[] = [];
      const given: Lease[] = [];
      const committedAtMs: number[] = [];
      const take = (effects: readonly CoordinatorEffect[]) => {
        for (const effect of effects) if (effect.type === 'commit') committedAtMs.push(clock.ms);
        for (const lease of leases(effects)) {
          given.push(lease);
          computing.push({ lease, atMs: clock.ms + lease.block.size * (lease.workerId === 'slow' ? slowMs : 100) });
        }
      };
      take(tell(join('slow'), join('b'), join('c')));
      while (computing.length > 0) {
        computing.sort((a, b) => a.atMs - b.atMs);
        const { lease, atMs } = computing.shift()!;
        clock.ms = Math.max(clock.ms, atMs);
        take(tell(result(lease)));
      }
      const stepMs = committedAtMs.map((atMs, step) => atMs - (committedAtMs[step - 1] ?? 0));
      return { given, medianStepMs: stepMs.sort((a, b) => a - b)[stepMs.length >> 1]! };
    }

    it('gives it less, and covers for it before its deadline once its pace is known', () => {
      const { given } = train(1_000);
      const covered = given.filter(({ instead }) => instead !== null);
      expect(covered.length).toBeGreaterThan(0);
      expect(covered.every(({ instead }) => instead === 'slow')).toBe(true);
      expect(given.filter(({ workerId }) => workerId === 'slow').at(-1)!.block.size).toBe(1);
    });

    it('takes less than half a step more than without one', () => {
      expect(train(1_000).medianStepMs).toBeLessThan(1.5 * train(100).medianStepMs);
    });
  });

  it('says who is waited for, ever more rarely', () => {
    const { tell, clock, wait } = start({ hungAfterMs: 60_000 });
    const [first] = leases(tell(join('a')));
    clock.ms += 400;
    tell(result(first!), lose('a'), join('a', null));
    const stalls = wait(40_000, 'a').filter(({ type }) => type === 'stall');
    expect(stalls).toMatchObject([
      { forMs: 5_000, waitingFor: [{ workerId: 'a', why: 'slow' }], freeLeaves: 0 },
      { forMs: 10_000 },
      { forMs: 20_000 },
      { forMs: 40_000 },
    ]);
    // Nobody has computed anything yet: it may take long.
    const young = start();
    young.tell(join('a'));
    expect(young.wait(29_000, 'a')).toEqual([]);
    expect(young.wait(1_000, 'a')).toMatchObject([{ type: 'stall', waitingFor: [{ why: 'computing' }] }]);
  });

  it('knows when it wants to be woken', () => {
    const { coordinator, tell, clock } = start();
    tell(join('a'));
    expect(coordinator.wakeAtMs).toBe(3_000);
    clock.ms = 500;
    tell(lose('a'));
    expect(coordinator.wakeAtMs).toBe(2_500);
    tell({ type: 'stop-requested', reason: 'Ctrl-C' });
    expect(coordinator.wakeAtMs).toBe(Infinity);
  });
});

describe('its checkpoints', () => {
  function run(options: Partial<typeof DEFAULT_COORDINATOR_OPTIONS>, custom = plan) {
    const { coordinator, tell } = start(options, custom);
    const all: CoordinatorEffect[] = [];
    for (let queue = [join('a')]; queue.length > 0;) {
      const effects = tell(queue.shift()!);
      all.push(...effects);
      queue.push(...leases(effects).map((lease) => result(lease)));
    }
    expect(coordinator.finished).toBe(true);
    return all.filter((effect) => effect.type === 'checkpoint').map(({ position, cause }) => [position.step, cause]);
  }

  it('come every so many steps, and at the end', () => {
    expect(run({})).toEqual([[3, 'end']]);
    expect(run({ checkpointEverySteps: 2 })).toEqual([
      [2, 'interval'],
      [3, 'end'],
    ]);
  });

  it('come after the step that is being computed when somebody asks for one', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell({ type: 'checkpoint-requested' }, { type: 'checkpoint-requested' })).toEqual([]);
    const effects = tell(result(lease!));
    expect(effects.filter((effect) => effect.type === 'checkpoint')).toMatchObject([
      { position: { step: 1 }, cause: 'requested' },
    ]);
  });

  it('come after the evaluations that are due at their step, once', () => {
    const custom = { ...plan, totalSteps: 6, validationSamples: 500, testSamples: 300 };
    expect(run({ checkpointEverySteps: 3 }, custom)).toEqual([
      [3, 'validation'],
      [6, 'validation'],
    ]);
  });

  it('are left out after a validation, and made after a step, where the server says so', () => {
    const { coordinator, tell } = start({}, { ...plan, totalSteps: 6, validationSamples: 500 });
    const made = (effects: readonly CoordinatorEffect[]) => effects.filter(({ type }) => type === 'checkpoint');
    let effects: readonly CoordinatorEffect[] = tell(join('a'));
    for (let step = 0; step < 3; step++) effects = tell(result(leases(effects)[0]!));
    const [order] = coordinator.handle(result(leases(effects)[0]!), 0).filter(({ type }) => type === 'evaluate');
    const { task } = order as Extract<CoordinatorEffect, { type: 'evaluate' }>;
    effects = coordinator.handle({ type: 'evaluated', task: task.id, isSaved: false }, 0);
    expect(made(effects)).toEqual([]);
    const [commit] = coordinator.handle(result(leases(effects)[0]!), 0).filter(({ type }) => type === 'commit');
    const step = (commit as Extract<CoordinatorEffect, { type: 'commit' }>).task.id;
    expect(made(coordinator.handle({ type: 'committed', task: step, isSaved: true }, 0))).toEqual([
      { type: 'checkpoint', position: { step: 4, due: [] }, cause: 'epoch' },
    ]);
  });

  it('are where another machine goes on', () => {
    const { coordinator, tell } = start();
    const [lease] = leases(tell(join('a')));
    tell(result(lease!));
    const standing = coordinator.standing;
    const resumed = new Coordinator(new TaskSequence(config, plan), standing);
    expect(resumed.handle(join('z'), 0)).toMatchObject([
      { type: 'open', task: { step: 1 } },
      { type: 'send-parameters', step: 1 },
      { type: 'lease' },
    ]);
  });
});

describe("an operator's pause", () => {
  const [pause, unpause] = [{ type: 'pause-requested' }, { type: 'unpause-requested' }] as const;

  it('begins when the step that is being computed is committed, with its checkpoint, and leases nothing until it is over', () => {
    const { tell, wait, coordinator } = start();
    const [lease] = leases(tell(join('a')));
    expect(tell(pause)).toEqual([]);
    expect(tell(result(lease!)).slice(-3)).toMatchObject([
      { type: 'open', task: { step: 1 } },
      { type: 'checkpoint', position: { step: 1, due: [] }, cause: 'requested' },
      { type: 'pause', step: 1 },
    ]);
    // Who is heard of is neither suspected nor waited for, however long it takes; who comes gets nothing.
    expect(wait(3_600_000, 'a')).toEqual([]);
    expect(tell(join('b'))).toEqual([]);
    expect(coordinator.wakeAtMs).toBeGreaterThan(3_600_000);
    expect(types(tell(unpause))).toEqual(['resume', 'send-parameters', 'lease', 'send-parameters', 'lease']);
  });

  it('finishes what is due after the step first', () => {
    const { tell } = start({}, { ...plan, stepsPerEpoch: 1, validationSamples: 500 });
    const [step] = leases(tell(join('a')));
    tell(pause);
    const [evaluation] = leases(tell(result(step!)));
    expect(evaluation).toMatchObject({ task: { kind: 'evaluation', purpose: 'validation' } });
    expect(types(tell(result(evaluation!))).slice(-2)).toEqual(['open', 'pause']);
  });

  it('begins at once where nobody computes anything, and does not hide that nobody is there when it is over', () => {
    const { tell } = start();
    expect(types(tell(tick))).toEqual(['open', 'wait']);
    expect(tell(pause)).toMatchObject([
      { type: 'checkpoint', position: { step: 0 } },
      { type: 'pause', step: 0 },
    ]);
    expect(types(tell(unpause))).toEqual(['wait']);
  });

  it('writes another checkpoint when somebody asks for it, and none twice by itself', () => {
    const { tell } = start({ checkpointEverySteps: 1 });
    const [lease] = leases(tell(join('a')));
    tell(pause);
    expect(types(tell(result(lease!))).filter((type) => type === 'checkpoint')).toHaveLength(1);
    expect(tell({ type: 'checkpoint-requested' })).toMatchObject([{ type: 'checkpoint', cause: 'requested' }]);
  });

  it('ends with the run, which is saved already', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    tell(pause, result(lease!));
    expect(types(tell({ type: 'stop-requested', reason: 'enough' }))).toEqual(['finish']);
  });

  it('that is taken back in time never begins', () => {
    const { tell } = start();
    const [lease] = leases(tell(join('a')));
    tell(pause, unpause);
    expect(types(tell(result(lease!)))).not.toContain('pause');
  });
});
