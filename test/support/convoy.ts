import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';

export const PROGRAM = fileURLToPath(new URL('../../apps/cli/bin/convoy.mjs', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `convoy` command as its user starts it: the real program in a process of its own. */
export class Convoy {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  readonly #lines: string[] = [];
  #stdout = '';
  readonly #waiting: {
    readonly pattern: RegExp;
    readonly resolve: (line: RegExpMatchArray) => void;
    readonly reject: (e: Error) => void;
  }[] = [];

  /**
   * @param cwd the folder it is started in.
   * @param through words before the command, which start it elsewhere.
   */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd = process.cwd(),
    through: readonly string[] = [],
  ) {
    const [program, ...rest] = [...through, process.execPath, PROGRAM, ...args];
    this.process = spawn(program!, rest, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout!.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    createInterface({ input: this.process.stderr! }).on('line', (line) => this.#hear(line));
    this.finished = new Promise((resolve) =>
      this.process.on('close', (code) => {
        const stderr = this.#lines.join('\n');
        for (const { pattern, reject } of this.#waiting) {
          reject(new Error(`convoy ${args.join(' ')} ended (${code}) before it said ${pattern}:\n${stderr}`));
        }
        resolve({ code, stdout: this.#stdout, stderr });
      }),
    );
  }

  /** What it has written to stdout so far. */
  saidOnStdout(): string {
    return this.#stdout;
  }

  /** Waits until the program has said a line that matches, whether before or after this call. */
  said(pattern: RegExp): Promise<RegExpMatchArray> {
    const line = this.#lines.find((text) => pattern.test(text));
    if (line !== undefined) return Promise.resolve(line.match(pattern)!);
    return new Promise((resolve, reject) => this.#waiting.push({ pattern, resolve, reject }));
  }

  #hear(line: string): void {
    this.#lines.push(line);
    for (const waiting of this.#waiting.filter(({ pattern }) => pattern.test(line))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(line.match(waiting.pattern)!);
    }
  }
}

/** Runs a command to its end. */
export function convoy(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return new Convoy(args, env).finished;
}

/** The JSON line of a run that must end well. */
export function summaryOf({ code, stdout, stderr }: Finished): RunSummary {
  if (code !== 0) throw new Error(`convoy ended with ${code}:\n${stderr}`);
  const lines = stdout.trim().split('\n');
  if (lines.length !== 1) throw new Error(`expected one line on stdout, got:\n${stdout}`);
  return JSON.parse(lines[0]!) as RunSummary;
}

export function eventsOf(runFolder: string): readonly RunEvent[] {
  return readFileSync(join(runFolder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
}

/** A folder that is removed when the test file ends. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'convoy-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
