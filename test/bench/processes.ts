import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { launchEnvironment } from '@convoy/infra/launch';
import { nodeOptions } from '@convoy/infra/program';

/** Longer than anything here takes on a slow machine: a process that hangs must not hold the bench up for ever. */
const ANSWER_WITHIN_MS = 5 * 60_000;

/** A TypeScript program of ours in a process of its own, with the environment that Convoy's processes have. */
export class BenchProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#name = args.join(' ');
    this.#child = spawn(process.execPath, [...nodeOptions(), program, ...args], {
      env: launchEnvironment({ ...process.env, ...env }),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line of its output, as JSON. @throws Error when it ends instead, or says nothing for minutes. */
  async next<Value>(): Promise<Value> {
    const { value, done } = await within(ANSWER_WITHIN_MS, this.#name, this.#lines.next());
    if (done) throw new Error(`${this.#name} ended before it had measured`);
    return JSON.parse(value) as Value;
  }

  /** Sends it a line: the start of what it measures. */
  go(): void {
    this.#child.stdin!.end('go\n');
  }

  /** Ends it, if it has not ended by itself. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

/** What `promise` resolves to. @throws Error when that takes longer. */
export async function within<Value>(ms: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${(ms / 1000).toFixed(0)} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Longer than one measurement takes. */
export const MEASURED_WITHIN_MS = 10 * 60_000;

/**
 * Runs a program to its end.
 * @returns its output.
 * @throws Error with the last line of its complaints when it fails or hangs; it and whatever it started are ended.
 */
export async function run(program: string, args: readonly string[], withinMs = MEASURED_WITHIN_MS): Promise<string> {
  // A group of its own: the peers start processes, which must not stay behind.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  try {
    const [code] = (await within(withinMs, args[0]!, once(child, 'close'))) as [number | null];
    if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) || `${args[0]} ended with ${code}`);
    return stdout;
  } finally {
    endGroup(child.pid);
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

/** What a process has used since a moment. */
export interface Usage {
  readonly cpuMs: number;
  readonly pageFaults: number;
}

/**
 * Starts counting; the function that is returned says what was used since. The kernel's figures for this process and its
 * threads, those of /proc/PID/stat, in microseconds instead of ticks.
 */
export function countUsage(): () => Usage {
  const start = process.resourceUsage();
  return () => {
    const now = process.resourceUsage();
    const cpuMicros = now.userCPUTime - start.userCPUTime + now.systemCPUTime - start.systemCPUTime;
    const faults = ({ minorPageFault, majorPageFault }: NodeJS.ResourceUsage) => minorPageFault + majorPageFault;
    return { cpuMs: cpuMicros / 1000, pageFaults: faults(now) - faults(start) };
  };
}
