import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { wholeNumber } from '@convoy/protocol/numbers';
import { writeAtomically } from './write-atomically.ts';

/** Requests to the process that serves a run, one file each: whoever may write the run's folder may ask. */
const REQUESTS_FOLDER = 'requests';
const ANSWER = '.answer.json';

const RequestSchema = v.variant('type', [
  /** "Let the worker of this rank finish what it holds, and leave." */
  v.strictObject({ type: v.literal('drain'), rank: wholeNumber }),
  /** "End the run where it stands, with a checkpoint." */
  v.strictObject({ type: v.literal('stop') }),
  /** "Write a checkpoint after the step that is being computed." */
  v.strictObject({ type: v.literal('checkpoint') }),
  /** "Finish the step that is being computed, write a checkpoint and begin no other." */
  v.strictObject({ type: v.literal('pause') }),
  /** "Go on." */
  v.strictObject({ type: v.literal('unpause') }),
]);
export type OperatorRequest = v.InferOutput<typeof RequestSchema>;

const AnswerSchema = v.strictObject({ refusal: v.nullable(v.string()) });

/** @returns the request that a value is, or null when it is none that this version knows. */
export function asRequest(value: unknown): OperatorRequest | null {
  const request = v.safeParse(RequestSchema, value);
  return request.success ? request.output : null;
}

/** Leaves a request. @returns its name, by which its answer is found. @throws the file system's error. */
export function leaveRequest(runFolder: string, request: OperatorRequest): string {
  const name = randomBytes(8).toString('hex');
  mkdirSync(join(runFolder, REQUESTS_FOLDER), { recursive: true });
  writeAtomically(pathOf(runFolder, `${name}.json`), JSON.stringify(request));
  return name;
}

/** @returns undefined while there is no answer, null when the request was granted, else why it was not. */
export function answerTo(runFolder: string, name: string): string | null | undefined {
  try {
    return v.parse(AnswerSchema, JSON.parse(readFileSync(pathOf(runFolder, name + ANSWER), 'utf8'))).refusal;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a request and its answer. */
export function withdrawRequest(runFolder: string, name: string): void {
  for (const file of [`${name}.json`, name + ANSWER]) rmSync(pathOf(runFolder, file), { force: true });
}

/**
 * Answers all requests that wait. What can't be read or written is left: a request is never worth a run.
 * @param grant does what is asked. @returns why it can't, or null.
 */
export function answerRequests(runFolder: string, grant: (request: OperatorRequest) => string | null): void {
  try {
    for (const file of readdirSync(join(runFolder, REQUESTS_FOLDER))) {
      const [, name] = /^([0-9a-f]{16})\.json$/.exec(file) ?? [];
      if (name === undefined) continue;
      const path = pathOf(runFolder, file);
      const request = asRequest(parsed(readFileSync(path, 'utf8')));
      rmSync(path);
      const refusal = request !== null ? grant(request) : 'it is no request that this version knows';
      writeAtomically(pathOf(runFolder, name + ANSWER), JSON.stringify({ refusal }));
    }
  } catch {
    // No folder, as in nearly every run, or a disk that refuses: whoever asked hears nothing and asks again.
  }
}

/** Removes what was asked of an earlier process: ranks may be others' now. The run's lock must be held. */
export function forgetRequests(runFolder: string): void {
  rmSync(join(runFolder, REQUESTS_FOLDER), { recursive: true, force: true });
}

function pathOf(runFolder: string, file: string): string {
  return join(runFolder, REQUESTS_FOLDER, file);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
