import { describe, expect, it } from 'vitest';
import { testConfig } from '../config.fixture.ts';
import { planRun } from '../sampling.ts';
import { Coordinator } from './coordinator.ts';
import type { CoordinatorEffect, CoordinatorEvent } from './events.ts';
import { DEFAULT_COORDINATOR_OPTIONS } from './options.ts';
import { TaskSequence } from './task-sequence.ts';

type Lease = Extract<CoordinatorEffect, { type: 'lease' }>;

const data = { trainCount: 4_000, testCount: 1 };
const config = testConfig({
  dataset: { name: 'synthetic', seed: 1, ...data },
  globalBatchSize: 8,
  microBatchSize: 2,
  validationSplit: 0,
  epochs: 1,
});
const plan = { ...planRun(config, data), testSamples: 0 };

/** A coordinator of steps of four micro-batches; sums that somebody lied for are refused. */
function start() {
  const coordinator = new Coordinator(new TaskSequence(config, plan), undefined, DEFAULT_COORDINATOR_OPTIONS);
  const clock = { ms: 0 };
  const isRefused = { now: false };
  const tell = (event: CoordinatorEvent): CoordinatorEffect[] => {
    const all = [...coordinator.handle(event, clock.ms)];
    for (const effect of [...all]) {
      if (effect.type === 'skip') all.push(...tell({ type: 'skipped', task: effect.task.id }));
      if (effect.type !== 'commit') continue;
      const task = effect.task.id;
      all.push(...tell(isRefused.now ? { type: 'commit-refused', task, reason: 'NaN' } : { type: 'committed', task }));
    }
    return all;
  };
  const join = (workerId: string, origin = `at ${workerId}`) =>
    tell({ type: 'worker-joined', workerId, origin, holding: null });
  const deliver = ({ workerId, task, block }: Lease, suspicion: string | null = null) =>
    tell({ type: 'result-received', workerId, task: task.id, block, suspicion });
  const leave = (workerId: string) => tell({ type: 'worker-left', workerId, reason: 'bye', atFault: false });
  /** Lets time pass in which the named are heard every second. */
  const wait = (ms: number, ...heard: string[]): CoordinatorEffect[] => {
    const all: CoordinatorEffect[] = [];
    for (const endMs = clock.ms + ms; clock.ms < endMs;) {
      clock.ms = Math.min(endMs, clock.ms + 1_000);
      for (const workerId of heard) all.push(...tell({ type: 'worker-heard', workerId }));
      all.push(...tell({ type: 'tick' }));
    }
    return all;
  };
  return { coordinator, clock, isRefused, tell, join, deliver, leave, wait };
}

const leases = (effects: readonly CoordinatorEffect[]) => effects.filter(({ type }) => type === 'lease') as Lease[];
const only = (effects: readonly CoordinatorEffect[], workerId: string) =>
  leases(effects).filter((lease) => lease.workerId === workerId);
const types = (effects: readonly CoordinatorEffect[]) => effects.map(({ type }) => type);

/** A run in which `honest` has a step committed, and then a liar joins and both have their leases. */
function withLiar(liarsOrigin = 'evil') {
  const run = start();
  const { join, deliver } = run;
  const [first] = leases(join('honest'));
  join('liar 1', liarsOrigin);
  const given = deliver(first!);
  return { ...run, honest: only(given, 'honest')[0]!, liar: only(given, 'liar 1')[0]! };
}

describe('a liar', () => {
  it('is not its own witness under another name: two from one address count as one', () => {
    const { join, deliver, liar } = withLiar();
    join('liar 2', 'evil');
    // The other was there before the first lie, so it is given the block.
    const [again] = only(deliver(liar, 'NaN'), 'liar 2');
    expect(types(deliver(again!, 'NaN'))).toEqual(['discard', 'quarantine', 'release', 'expel']);
  });

  it('waits under a new name as long as under the old, and longer after each lie', () => {
    const { join, deliver, liar, wait } = withLiar();
    let lease = liar;
    for (let n = 2; n < 5; n++) {
      const forMs = 1_000 * 2 ** (n - 2);
      expect(deliver(lease, 'NaN')).toContainEqual(expect.objectContaining({ type: 'quarantine', forMs }));
      const name = `liar ${n}`;
      expect(leases(join(name, 'evil'))).toEqual([]);
      if (forMs > 1_000) expect(leases(wait(forMs - 1_000, 'honest', name))).toEqual([]);
      // The honest worker is still busy, so the block is free.
      lease = only(wait(1_000, 'honest', name), name)[0]!;
    }
  });

  it('does not take its neighbours with it who have proved themselves', () => {
    const { deliver, liar, honest } = withLiar('at honest');
    deliver(liar, 'NaN');
    expect(only(deliver(honest), 'honest')).toHaveLength(1);
  });

  it('keeps newcomers from its address waiting, until another address finds the same', () => {
    const { join, deliver, liar, honest } = withLiar();
    const released = deliver(liar, 'NaN');
    expect(leases(released)).toEqual([]);
    const joined = join('neighbour', 'evil');
    expect(leases(joined)).toEqual([]);
    const reason = 'values that came from its address were not believed';
    expect(joined).toContainEqual({ type: 'quarantine', workerId: 'neighbour', forMs: 1_000, reason });
    const [same] = only(deliver(honest), 'honest');
    expect(same!.block).toEqual(liar.block);
    expect(only(deliver(same!, 'NaN'), 'neighbour')).toHaveLength(1);
  });

  it('is believed in the end where all others give their leases back: the guard over the whole sum decides', () => {
    const { join, deliver, tell, wait } = start();
    const [whole] = leases(join('alone', 'here'));
    join('giver', 'here');
    const [given] = only(deliver(whole!, 'NaN'), 'giver');
    const { task, block } = given!;
    expect(types(tell({ type: 'lease-returned', workerId: 'giver', task: task.id, block }))).toContain('quarantine');
    join('alone', 'here');
    const [again] = only(wait(2_000, 'alone', 'giver'), 'alone');
    expect(types(deliver(again!, 'NaN'))).toEqual(['collect']);
  });

  it('does not compute a step again that was refused', () => {
    const { join, deliver, isRefused, liar, honest } = withLiar();
    join('accomplice', 'elsewhere');
    deliver(honest);
    isRefused.now = true;
    const retried = deliver(liar);
    isRefused.now = false;
    expect(types(retried)).toContain('retry');
    expect(new Set(leases(retried).map(({ workerId }) => workerId))).toEqual(new Set(['honest']));
    expect(leases(retried)[0]!.block).toEqual({ start: 0, size: 4 });
    expect(types(deliver(leases(retried)[0]!))).toContain('commit');
  });

  it('under ever new names from two addresses does not have a single step skipped', () => {
    const { coordinator, clock, deliver, join, isRefused, tell } = start();
    const open = new Map<string, Lease>();
    const lied = new Set<number>();
    const seen = { skip: 0, retry: 0, commits: 0 };
    let names = 0;
    const take = (effects: readonly CoordinatorEffect[]): void => {
      for (const effect of effects) {
        if (effect.type === 'lease') open.set(effect.workerId, effect);
        if (effect.type === 'retry') seen.retry++;
        if (effect.type === 'skip') seen.skip++;
        if (effect.type === 'commit' && !isRefused.now) seen.commits++;
        if (effect.type === 'collect' && effect.workerId !== 'honest') lied.add(effect.task.id);
      }
    };
    take(join('honest'));
    for (const address of ['A', 'B']) take(join(`liar ${names++}`, address));
    for (let turn = 0; turn < 400 && !coordinator.finished; turn++) {
      clock.ms += 500;
      const gone: string[] = [];
      for (const [workerId, lease] of [...open]) {
        open.delete(workerId);
        isRefused.now = lied.has(lease.task.id) || workerId !== 'honest';
        const effects = deliver(lease, workerId === 'honest' ? null : 'NaN');
        take(effects);
        gone.push(...effects.flatMap((effect) => (effect.type === 'expel' ? [effect.workerId] : [])));
      }
      for (const name of gone) {
        open.delete(name);
        take(join(`liar ${names++}`, Number(name.split(' ')[1]) % 2 === 0 ? 'A' : 'B'));
      }
      take(tell({ type: 'worker-heard', workerId: 'honest' }));
      for (let n = Math.max(0, names - 4); n < names; n++) take(tell({ type: 'worker-heard', workerId: `liar ${n}` }));
    }
    expect(seen.skip).toBe(0);
    expect(seen.commits).toBeGreaterThan(100);
    expect(coordinator.finished).toBe(false);
  });
});

describe('a step that was refused', () => {
  it('is computed again by anybody while nobody has proved himself', () => {
    const { join, deliver, isRefused } = start();
    const [lease] = leases(join('a'));
    join('b');
    isRefused.now = true;
    expect(leases(deliver(lease!)).map(({ workerId }) => workerId)).toEqual(['a', 'b']);
  });

  it('waits for a worker that has proved itself and lost its connection, and no longer than that is waited for', () => {
    const { tell, deliver, isRefused, liar, honest, wait } = withLiar();
    deliver(honest);
    tell({ type: 'worker-lost', workerId: 'honest', reason: 'reset' });
    isRefused.now = true;
    expect(leases(deliver(liar))).toEqual([]);
    expect(leases(wait(1_000, 'liar 1'))).toEqual([]);
    const effects = wait(1_000, 'liar 1');
    expect(types(effects)).toContain('expel');
    expect(only(effects, 'liar 1')).toHaveLength(1);
  });

  it('is no more for a worker that came back from another address than for anybody else', () => {
    const { tell, deliver, join, isRefused, liar, honest } = withLiar();
    deliver(honest);
    tell({ type: 'worker-lost', workerId: 'honest', reason: 'reset' });
    join('honest', 'elsewhere');
    isRefused.now = true;
    expect(leases(deliver(liar)).map(({ workerId }) => workerId)).toEqual(expect.arrayContaining(['liar 1', 'honest']));
  });
});

describe('a block that is late twice', () => {
  /** Two honest workers have done some steps of 100 ms; then so many join that take leases and give nothing. */
  function withTakers(count: number) {
    const run = start();
    const { clock, join, deliver } = run;
    let given = [...join('a'), ...join('b')];
    for (let step = 0; step < 5; step++) {
      clock.ms += 100;
      given = leases(given).flatMap((lease) => deliver(lease));
    }
    for (let n = 0; n < count; n++) given.push(...join(`taker ${n}`));
    return { ...run, given };
  }

  /** How long each of the next steps takes, with honest workers that need 25 ms a micro-batch. */
  function stepsBeside(takers: number, steps: number): number[] {
    const { clock, deliver, tell, coordinator, given } = withTakers(takers);
    const due: { readonly atMs: number; readonly lease: Lease }[] = [];
    const committedAtMs = [clock.ms];
    const take = (effects: readonly CoordinatorEffect[]) => {
      for (const effect of effects) {
        if (effect.type === 'commit') committedAtMs.push(clock.ms);
        if (effect.type !== 'lease' || effect.workerId.startsWith('taker')) continue;
        due.push({ atMs: clock.ms + 25 * effect.block.size, lease: effect });
      }
    };
    take(given);
    let heardAtMs = clock.ms;
    while (committedAtMs.length <= steps) {
      due.sort((a, b) => a.atMs - b.atMs);
      clock.ms = Math.min(due[0]?.atMs ?? Infinity, coordinator.wakeAtMs, heardAtMs + 1_000);
      if (clock.ms === heardAtMs + 1_000) {
        heardAtMs = clock.ms;
        for (const id of ['a', 'b', ...Array.from({ length: takers }, (_, n) => `taker ${n}`)]) {
          take(tell({ type: 'worker-heard', workerId: id }));
        }
      }
      if (due[0]?.atMs === clock.ms) take(deliver(due.shift()!.lease));
      else take(tell({ type: 'tick' }));
    }
    return committedAtMs.slice(1).map((atMs, step) => atMs - committedAtMs[step]!);
  }

  it('goes to a worker that has proved itself: twenty that give nothing cost no step more than a second', () => {
    expect(Math.max(...stepsBeside(0, 20))).toBeLessThan(200);
    expect(Math.max(...stepsBeside(20, 40))).toBeLessThan(1_000);
  });

  it('goes to whoever is idle after two deadlines when nobody has proved itself yet', () => {
    const { join, wait } = start();
    const everybody = ['taker', 'second taker', 'c', 'd', 'e'];
    for (const id of everybody) join(id);
    // While nobody has done a leaf, a deadline is a minute.
    expect(leases(wait(60_000, ...everybody)).map(({ workerId }) => workerId)).toEqual(['second taker']);
    expect(leases(wait(59_000, ...everybody))).toEqual([]);
    expect(leases(wait(1_000, ...everybody)).map(({ workerId }) => workerId)).toEqual(['c', 'd', 'e']);
  });
});

describe('a deadline', () => {
  it('that nobody could know is made up for when the first result is in', () => {
    const { clock, join, deliver, tell, coordinator } = start();
    const [whole] = leases(join('a'));
    clock.ms += 400;
    expect(coordinator.wakeAtMs).toBe(3_000);
    join('b');
    deliver(whole!);
    // Known now: 100 ms a leaf. Both hold two leaves, and one of them never answers.
    clock.ms += 200;
    tell({ type: 'tick' });
    expect(coordinator.wakeAtMs).toBeLessThan(1_400);
  });
});

describe('a link that died', () => {
  it('is silent, not hung, however late its result is', () => {
    const { join, wait } = start();
    join('a');
    const heard = wait(179_000, 'a');
    expect(types(heard)).not.toContain('expel');
    // Three deadlines of a minute are over in a second, and nothing is heard any more.
    expect(types(wait(5_000))).not.toContain('expel');
    expect(wait(6_000).filter(({ type }) => type === 'expel')).toMatchObject([{ workerId: 'a', cause: 'dead' }]);
  });

  it('and lives again has time to bring what it has done meanwhile', () => {
    const { join, deliver, wait, tell } = start();
    const [lease] = leases(join('a'));
    wait(175_000, 'a');
    wait(8_000);
    expect(types(tell({ type: 'worker-heard', workerId: 'a' }))).not.toContain('expel');
    expect(types(deliver(lease!))).toContain('commit');
  });
});
