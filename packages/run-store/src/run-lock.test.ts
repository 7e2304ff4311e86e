import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { thisProcess, type LockParty } from './lock-party.ts';
import { LockLostError, REFRESH_MS, RunLock, STALE_MS } from './run-lock.ts';

const folders: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-lock-'));
  folders.push(folder);
  return folder;
}

/** A process on a machine whose clock and processes the test decides on. */
function party(host: string, pid: number, processes: Record<number, string> = { [pid]: '1' }) {
  let refresh = () => Promise.resolve();
  const changes: LockParty = {
    pid,
    host,
    processSpace: `space of ${host}`,
    startTimeOf: (asked) => processes[asked],
    every: (intervalMs, callback) => {
      expect(intervalMs).toBe(REFRESH_MS);
      refresh = callback;
      return () => (refresh = () => Promise.resolve());
    },
  };
  return { changes, refresh: () => refresh() };
}

async function acquire(folder: string, by: LockParty = thisProcess, url: string | null = null) {
  const losses: LockLostError[] = [];
  const lock = await RunLock.acquire(folder, {
    run: 'r',
    incarnation: `i${by.pid}`,
    url,
    party: by,
    onLost: (error) => losses.push(error),
  });
  return { lock, losses };
}

/** Lets time pass for a lock file: it was shown last `ageMs` ago. */
function age(folder: string, number: number, ageMs: number): void {
  // A file's own time is the kernel's of its last tick, up to ten milliseconds behind this clock.
  const then = new Date(Date.now() - ageMs - 10);
  utimesSync(join(folder, 'lock', `${number}.json`), then, then);
}

describe('RunLock', () => {
  it('is taken by one, refused to the next with the name of the first, and free when given back', async () => {
    const folder = newFolder();
    const { lock } = await acquire(folder, thisProcess, 'ws://somewhere:7311');
    expect(lock.tookOver).toBeNull();
    await expect(acquire(folder)).rejects.toThrow(
      new RegExp(
        `^run r is served by process ${process.pid} on ${thisProcess.host} \\(since 20.*Z, ws://somewhere:7311\\): stop it first, or resume another run$`,
      ),
    );
    expect(await lock.stillHeld()).toBe(true);
    await lock.release();
    expect(await lock.stillHeld()).toBe(false);
    await expect(lock.assertHeld()).rejects.toThrow('this server has given run r back');
    const next = await acquire(folder);
    expect(next.lock.tookOver).toBeNull();
    await next.lock.release();
  });

  it('of a process that ended is taken over at once, and the successor says so', async () => {
    const folder = newFolder();
    const processes = { 10: '1', 11: '2' };
    await acquire(folder, party('here', 10, processes).changes);
    await expect(acquire(folder, party('here', 11, processes).changes)).rejects.toThrow('served by process 10 on here');
    const { lock } = await acquire(folder, party('here', 11, { 11: '2' }).changes);
    expect(lock.tookOver).toMatch(/^process 10 on here \(since .*\) served this run and is gone without ending it/);
  });

  it('is taken over after a crash at any point of taking it or giving it back', async () => {
    const made = newFolder();
    await acquire(made, party('here', 10).changes);
    const holder = readFileSync(join(made, 'lock', '1.json'));
    const released = Buffer.from(holder.toString().replace('"released":false', '"released":true'));
    const half = holder.subarray(0, 20);
    const states: readonly Readonly<Record<string, Buffer>>[] = [
      {},
      { '.ticket-0011aabbccdd': half },
      { '.ticket-0011aabbccdd': holder },
      { '.ticket-0011aabbccdd': holder, '1.json': holder },
      // Before those below the newest two were removed.
      { '1.json': holder, '2.json': holder, '3.json': holder },
      { '1.json': holder, '1.json.released': half },
      { '1.json': holder, '1.json.released': released },
      { '1.json': released },
    ];
    for (const state of states) {
      const folder = newFolder();
      mkdirSync(join(folder, 'lock'));
      for (const [name, content] of Object.entries(state)) writeFileSync(join(folder, 'lock', name), content);
      const { lock } = await acquire(folder, party('here', 11).changes);
      expect(await lock.stillHeld()).toBe(true);
      await lock.release();
      const next = await acquire(folder, party('here', 12).changes);
      expect(next.lock.tookOver).toBeNull();
    }
  });

  it('of a process whose pid another has now is taken over', async () => {
    const folder = newFolder();
    await acquire(folder, party('here', 10, { 10: 'at 5' }).changes);
    const { lock } = await acquire(folder, party('here', 11, { 10: 'at 9', 11: 'at 7' }).changes);
    expect(lock.tookOver).toContain('process 10 on here');
  });

  it('of a process that can not be told from another with its pid is respected', async () => {
    const folder = newFolder();
    const unknown = { ...party('here', 10).changes, startTimeOf: () => null };
    await acquire(folder, unknown);
    await expect(acquire(folder, unknown)).rejects.toThrow('stop it first');
  });

  it('of another machine holds as long as its holder shows itself', async () => {
    const folder = newFolder();
    const there = party('there', 10);
    const first = await acquire(folder, there.changes);
    age(folder, 1, STALE_MS - 5_000);
    const here = party('here', 10).changes;
    await expect(acquire(folder, here)).rejects.toThrow(
      /process 10 on there .*stop it first \(if it is dead, wait [1-5] s\)/,
    );
    age(folder, 1, STALE_MS);
    const second = await acquire(folder, here);
    expect(second.lock.tookOver).toContain('process 10 on there');
    expect([await first.lock.stillHeld(), await second.lock.stillHeld()]).toEqual([false, true]);
  });

  it('shows that its holder lives', async () => {
    const folder = newFolder();
    const there = party('there', 10);
    const { lock } = await acquire(folder, there.changes);
    age(folder, 1, STALE_MS);
    await there.refresh();
    await expect(acquire(folder, party('here', 10).changes)).rejects.toThrow('is served by process 10 on there');
    await lock.release();
  });

  it('is known to be lost by the fence and by the refresh', async () => {
    const folder = newFolder();
    const there = party('there', 10);
    const { lock, losses } = await acquire(folder, there.changes);
    await lock.assertHeld();
    age(folder, 1, STALE_MS);
    await acquire(folder, party('here', 11).changes);
    await expect(lock.assertHeld()).rejects.toThrow(LockLostError);
    await there.refresh();
    expect(losses[0]!.message).toMatch(
      /^run r is served by process 11 on here \(since .*\) now: this server was suspended or cut off for too long, and ends$/,
    );
    await there.refresh();
    // Giving back what is another's changes nothing.
    await lock.release();
    expect(losses).toHaveLength(1);
    await expect(acquire(folder, party('elsewhere', 12).changes)).rejects.toThrow('process 11 on here');
  });

  it('numbers its holders on, and keeps two files at most', async () => {
    const folder = newFolder();
    for (let i = 0; i < 5; i++) await (await acquire(folder)).lock.release();
    expect(readdirSync(join(folder, 'lock')).sort()).toEqual(['4.json', '5.json']);
  });

  it('of a holder that nobody can read is respected until it is stale', async () => {
    const folder = newFolder();
    const { lock } = await acquire(folder);
    await lock.release();
    writeFileSync(join(folder, 'lock', '1.json'), '{"pid":');
    await expect(acquire(folder)).rejects.toThrow('run r is served by another process: stop it first');
    age(folder, 1, STALE_MS);
    await acquire(folder);
  });

  it('needs a folder that can be written', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'lock'), 'a file');
    await expect(acquire(folder)).rejects.toThrow(`can't lock the run in ${folder}: `);
  });

  it('goes to exactly one of many that find its holder gone at the same time', async () => {
    const folder = newFolder();
    for (let round = 1; round <= 20; round++) {
      // Each is its own process to the others, and the holders before them are gone.
      const processes = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [round * 100 + i, 'now']));
      const takers = Object.keys(processes).map((pid) => party('here', Number(pid), processes).changes);
      const taken = await Promise.allSettled(takers.map((taker) => acquire(folder, taker)));
      const winners = taken.filter(({ status }) => status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const { reason } of taken.filter((result) => result.status === 'rejected')) {
        expect(String(reason)).toContain('run r is served by process');
      }
    }
  });

  it('goes to exactly one of six real processes when its holder has been killed', async () => {
    const folder = newFolder();
    const holder = new Taker(folder);
    expect(await holder.says()).toBe('ready');
    holder.go();
    expect(await holder.says()).toBe('won ');
    holder.process.kill('SIGKILL');
    await new Promise((resolve) => holder.process.once('exit', resolve));

    const takers = Array.from({ length: 6 }, () => new Taker(folder));
    for (const taker of takers) expect(await taker.says()).toBe('ready');
    for (const taker of takers) taker.go();
    const answers = await Promise.all(takers.map((taker) => taker.says()));
    const winner = answers.findIndex((answer) => answer.startsWith('won'));
    expect(answers[winner]).toContain(`process ${holder.process.pid} on`);
    const refused = answers.filter((_, i) => i !== winner);
    for (const answer of refused) {
      expect(answer).toContain(`run r is served by process ${takers[winner]!.process.pid} on`);
    }
  });
});

/** A process of its own that takes the lock when told. */
class Taker {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string) {
    const program = fileURLToPath(new URL('run-lock.fixture.ts', import.meta.url));
    this.process = spawn(process.execPath, ['--import', 'tsx', program, folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(this.process);
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  async says(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  go(): void {
    this.process.stdin!.write('go\n');
  }
}
