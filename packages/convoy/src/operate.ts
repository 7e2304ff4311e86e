import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import type { RunStatus } from '@convoy/protocol/run-status';
import { answerTo, leaveRequest, withdrawRequest, type OperatorRequest } from '@convoy/run-store/requests';
import { readConfig } from '@convoy/run-store/run-folder';
import { call, callJson, type CallOptions } from '@convoy/transport/call';
import { addressOf } from '@convoy/transport/http-request';

/** How to reach a coordinator over the network: its address, a token and whose certificate is taken. */
export type Coordinator = Pick<CallOptions, 'url' | 'token' | 'trust'>;

/** Ten times as long as the process that serves a run takes to see a request. */
const ANSWERED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 100;

/**
 * Asks the process that serves a run for something, through the run's folder.
 * @param runFolder the run's, which this process can write.
 * @throws OperatorError when nobody serves the run, or it can't be done.
 */
export async function askFolder(runFolder: string, request: OperatorRequest): Promise<void> {
  readConfig(runFolder);
  let name: string;
  try {
    name = leaveRequest(runFolder, request);
  } catch (error) {
    throw fileError(error, `can't leave a request in ${runFolder}`);
  }
  try {
    const until = performance.now() + ANSWERED_WITHIN_MS;
    while (performance.now() < until) {
      const refusal = answerTo(runFolder, name);
      if (refusal === null) return;
      if (refusal !== undefined) throw new OperatorError(refusal);
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    withdrawRequest(runFolder, name);
  }
  throw new OperatorError(`nobody answers for ${runFolder}: is the run still training?`, {
    exitCode: exitCodes.network,
  });
}

/**
 * Asks a coordinator for something, over the network.
 * @throws OperatorError when it can't be reached, the token is no operator's, or it can't be done.
 */
export async function askCoordinator(coordinator: Coordinator, { type, ...about }: OperatorRequest): Promise<void> {
  await callJson({ ...coordinator, role: 'operator', method: 'POST', path: `/v1/${type}`, body: about });
}

/**
 * An address that opens the page of a coordinator's run in a browser: with a secret that lets in one, once and soon.
 * @param role what the browser may do: watch, or steer as well.
 * @throws OperatorError when it can't be reached, or the token does not allow that.
 */
export async function linkTo(coordinator: Coordinator, role: 'viewer' | 'operator'): Promise<string> {
  const body = { steer: role === 'operator' };
  const answer = await callJson({ ...coordinator, role, method: 'POST', path: '/v1/link', body });
  const { secret } = answer as { readonly secret: string | null };
  const page = addressOf(coordinator.url, '/');
  // In the fragment: it is in no request, and in no log of a proxy.
  if (secret !== null) page.hash = `link=${secret}`;
  return page.href;
}

/**
 * The lines of a coordinator's events.jsonl.
 * @param from the number of the first line, from 0. @param follows goes on as they come, until the run is over.
 * @throws OperatorError when it can't be reached, or the token is no viewer's or operator's.
 */
export async function* eventLinesOf(
  coordinator: Coordinator,
  { from, follows, signal }: { readonly from: number; readonly follows: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const path = `/v1/events?from=${from}&follow=${follows ? 'yes' : 'no'}`;
  const response = await call({ ...coordinator, role: 'viewer', path, signal });
  if (response.statusCode !== 200) throw new OperatorError(`${coordinator.url} answered ${response.statusCode}`);
  for await (const line of createInterface({ input: response })) {
    if (line.startsWith('data: ')) yield line.slice('data: '.length);
  }
}

/** How the run of a coordinator stands. @throws OperatorError when it can't be reached, or the token is no viewer's or operator's. */
export async function statusOf(coordinator: Coordinator): Promise<RunStatus> {
  return (await callJson({ ...coordinator, role: 'viewer', path: '/v1/status' })) as RunStatus;
}
