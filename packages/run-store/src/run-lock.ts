import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { thisProcess, type LockParty } from './lock-party.ts';

// Who may serve a run. `<run>/lock/` holds one file per holder, numbered in the order in which they took the lock; the one
// with the highest number holds it. A number is taken by making its file, which exactly one process can do, so two that
// find the same holder dead can't both succeed it. The highest file is never removed, not even when its holder is done: a
// number that was used can't come again.

const HolderSchema = v.object({
  pid: v.pipe(v.number(), v.integer()),
  host: v.string(),
  /** In which pids mean the same: a boot of a kernel and a process namespace; null where that can't be told. */
  processSpace: v.nullable(v.string()),
  /** When the process started, in the kernel's units: tells it from a later one with its pid. Null where unknown. */
  startTime: v.nullable(v.string()),
  incarnation: v.string(),
  url: v.nullable(v.string()),
  /** ISO 8601, UTC. */
  since: v.string(),
  /** It ended and gave the lock back. */
  released: v.boolean(),
});
type Holder = v.InferOutput<typeof HolderSchema>;

export interface LockOptions {
  /** The run's id, for messages. */
  readonly run: string;
  /** The incarnation of the server that is to serve the run: random per start. */
  readonly incarnation: string;
  /** Where workers reach it, for messages; null when it is not known yet. */
  readonly url: string | null;
  /** Told once, at the latest {@link REFRESH_MS} after another process took the run over. */
  readonly onLost: (error: LockLostError) => void;
  readonly party?: LockParty;
}

/** The holder shows this often that it lives, to those who can't see its process. */
export const REFRESH_MS = 5_000;
/** A holder on another machine that has not shown it for this long is dead. */
export const STALE_MS = 30_000;

/** Another process serves the run now: this one must not write to its folder any more. */
export class LockLostError extends OperatorError {}

/** The right to serve a run, which one process has at a time. */
export class RunLock {
  /** Whom this process succeeded although the lock had not been given back: one line for the operator. */
  readonly tookOver: string | null;
  readonly #folder: string;
  readonly #number: number;
  readonly #holder: Holder;
  readonly #run: string;
  readonly #stopRefreshing: () => void;
  #refreshing: Promise<void> = Promise.resolve();
  #isDone = false;

  private constructor(folder: string, holder: Holder, taken: Taken, options: LockOptions) {
    this.tookOver = taken.tookOver;
    this.#folder = folder;
    this.#number = taken.number;
    this.#holder = holder;
    this.#run = options.run;
    const { every } = options.party ?? thisProcess;
    this.#stopRefreshing = every(REFRESH_MS, () => (this.#refreshing = this.#refresh(options.onLost)));
  }

  /**
   * Takes the lock of the run in `runFolder`, which must exist, if nobody alive has it.
   * @throws OperatorError naming the process that serves the run, or when the folder can't be written.
   */
  static async acquire(runFolder: string, options: LockOptions): Promise<RunLock> {
    const party = options.party ?? thisProcess;
    const folder = join(runFolder, 'lock');
    const holder: Holder = {
      pid: party.pid,
      host: party.host,
      processSpace: party.processSpace,
      startTime: party.startTimeOf(party.pid) ?? null,
      incarnation: options.incarnation,
      url: options.url,
      since: new Date().toISOString(),
      released: false,
    };
    // Complete before it gets its number: nobody reads half a holder.
    const ticket = join(folder, `.ticket-${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(ticket, encode(holder), { flag: 'wx' });
      const taken = await takeNext(folder, ticket, holder, options.run, party);
      return new RunLock(folder, holder, taken, options);
    } catch (error) {
      throw fileError(error, `can't lock the run in ${runFolder}`);
    } finally {
      // One that stays does no harm.
      await rm(ticket, { force: true }).catch(() => {});
    }
  }

  /** Whether this process may write to the run: it has not given the lock back and no other has taken it. Reads the folder. */
  async stillHeld(): Promise<boolean> {
    return !this.#isDone && (await this.#isNewest());
  }

  /** A fence before a write that must not be this process's if it lost the run, say while it was suspended. @throws LockLostError */
  readonly assertHeld = async (): Promise<void> => {
    if (!(await this.stillHeld())) throw await this.#lost();
  };

  /** Gives the lock back, where the disk allows it: if not, it is free as soon as this process has ended. */
  async release(): Promise<void> {
    this.#end();
    await this.#refreshing;
    const path = join(this.#folder, fileName(this.#number));
    const released = `${path}.released`;
    try {
      if (!(await this.#isNewest())) return;
      await writeFile(released, encode({ ...this.#holder, released: true }));
      await rename(released, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  async #isNewest(): Promise<boolean> {
    return (await newestNumber(this.#folder)) === this.#number;
  }

  #end(): void {
    this.#isDone = true;
    this.#stopRefreshing();
  }

  async #refresh(onLost: (error: LockLostError) => void): Promise<void> {
    let lost: LockLostError | null = null;
    try {
      if (!(await this.#isNewest())) lost = await this.#lost();
      else await this.#show();
    } catch {
      // A disk that can't be reached now may be the next time; if not, a machine that can reach it takes over, and the
      // fence stops this one.
    }
    if (lost === null || this.#isDone) return;
    this.#end();
    onLost(lost);
  }

  /** Writes the same bytes over themselves: so the file server sets the time, and clocks need not agree. */
  async #show(): Promise<void> {
    const file = await open(join(this.#folder, fileName(this.#number)), 'r+');
    try {
      await file.write(encode(this.#holder), 0, 'utf8');
    } finally {
      await file.close();
    }
  }

  async #lost(): Promise<LockLostError> {
    const number = await newestNumber(this.#folder);
    if (number === this.#number) return new LockLostError(`this server has given run ${this.#run} back, and ends`);
    const successor = await readHolder(this.#folder, number);
    const who = successor === null ? 'another process' : describe(successor);
    return new LockLostError(
      `run ${this.#run} is served by ${who} now: this server was suspended or cut off for too long, and ends`,
    );
  }
}

interface Taken {
  readonly number: number;
  readonly tookOver: string | null;
}

async function takeNext(folder: string, ticket: string, holder: Holder, run: string, party: LockParty): Promise<Taken> {
  for (;;) {
    const number = await newestNumber(folder);
    const before = await readHolder(folder, number);
    const remedy = number === 0 ? null : await remedyAgainst(before, join(folder, fileName(number)), ticket, party);
    if (remedy !== null) {
      const who = before === null ? 'another process' : describe(before);
      throw new OperatorError(`run ${run} is served by ${who}: ${remedy}, or resume another run`);
    }
    const next = number + 1;
    if (!(await claim(ticket, join(folder, fileName(next)), holder))) continue;
    // Numbers below the newest two are removed, so a slow claim may have got one that was used: then a higher one exists.
    if ((await newestNumber(folder)) !== next) {
      await rm(join(folder, fileName(next)), { force: true });
      continue;
    }
    await removeUpTo(folder, next - 2);
    const isUnreturned = before !== null && !before.released;
    const tookOver = isUnreturned
      ? `${describe(before)} served this run and is gone without ending it: this server takes over`
      : null;
    return { number: next, tookOver };
  }
}

/** Makes the numbered file, whole, if nobody has. Where there are no hard links, its content follows its making. */
async function claim(ticket: string, path: string, holder: Holder): Promise<boolean> {
  try {
    await link(ticket, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
  }
  try {
    await writeFile(path, encode(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** What the operator can do about a holder that may be alive; null when it is not. */
async function remedyAgainst(
  holder: Holder | null,
  path: string,
  ticket: string,
  party: LockParty,
): Promise<string | null> {
  if (holder?.released === true) return null;
  if (isVisible(holder, party)) return isRunning(holder, party) ? 'stop it first' : null;
  // Both times are the file server's, whatever the machines' clocks say.
  const { mtimeMs: nowMs } = await stat(ticket);
  const shownMs = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    // Removed meanwhile, so it has successors: the next look finds them.
    () => -Infinity,
  );
  const leftMs = shownMs + STALE_MS - nowMs;
  return leftMs <= 0 ? null : `stop it first (if it is dead, wait ${Math.ceil(leftMs / 1000)} s)`;
}

/** Its process can be looked at from here. */
function isVisible(holder: Holder | null, { host, processSpace }: LockParty): holder is Holder {
  return holder !== null && holder.host === host && holder.processSpace === processSpace;
}

function isRunning(holder: Holder, party: LockParty): boolean {
  const startTime = party.startTimeOf(holder.pid);
  const isReused = startTime != null && holder.startTime !== null && startTime !== holder.startTime;
  return startTime !== undefined && !isReused;
}

/**
 * Who serves the run in a folder, in words; null when nobody does. Of a process on another machine the last sign of life decides.
 * @throws the file system's error.
 */
export async function serverOf(runFolder: string, party: LockParty = thisProcess): Promise<string | null> {
  const folder = join(runFolder, 'lock');
  try {
    const number = await newestNumber(folder);
    const holder = await readHolder(folder, number);
    if (holder === null || holder.released) return null;
    const { mtimeMs } = await stat(join(folder, fileName(number)));
    const isAlive = isVisible(holder, party) ? isRunning(holder, party) : Date.now() - mtimeMs < STALE_MS;
    return isAlive ? describe(holder) : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function describe({ pid, host, since, url }: Holder): string {
  return `process ${pid} on ${host} (since ${since}${url === null ? '' : `, ${url}`})`;
}

function encode(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

/** Null when there is no such file, or its content is not there yet or not a holder's. */
async function readHolder(folder: string, number: number): Promise<Holder | null> {
  try {
    const checked = v.safeParse(HolderSchema, JSON.parse(await readFile(join(folder, fileName(number)), 'utf8')));
    return checked.success ? checked.output : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function fileName(number: number): string {
  return `${number}.json`;
}

/** 0 before the first. */
async function newestNumber(folder: string): Promise<number> {
  return Math.max(0, ...(await readdir(folder)).map(numberOf));
}

/** 0 for what is no holder's file. */
function numberOf(name: string): number {
  return Number(/^([1-9]\d{0,9})\.json$/.exec(name)?.[1] ?? 0);
}

async function removeUpTo(folder: string, last: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const number = numberOf(name);
    if (number > 0 && number <= last) await rm(join(folder, name), { force: true });
  }
}
