import type { IncomingMessage } from 'node:http';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { printable } from '@convoy/protocol/messages';
import { aRole, type Role } from './tokens.ts';

/** Of a refusal's text. */
const MAX_TEXT_BYTES = 300;
/** A server that asks for more patience than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 120_000;

/** How a door answered a request that it did not grant. */
export interface Answer {
  readonly status: number;
  /** Its first line, or where it sends to. */
  readonly text: string;
  /** How long it asks to be left alone; null where it does not say. */
  readonly retryAfterMs: number | null;
}

/** Reads the head of an answer and the first line of its body, then lets go of the connection. */
export async function answerOf(response: IncomingMessage): Promise<Answer> {
  let text = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.length > MAX_TEXT_BYTES) break;
    }
  } catch {
    // What came says enough.
  }
  response.destroy();
  return {
    status: response.statusCode ?? 0,
    text: wordsOf(response, text),
    retryAfterMs: retryAfterMs(response) ?? null,
  };
}

/** What an answer other than the wanted one says in a line: where it sends to, or its body's first line. */
export function wordsOf({ statusCode = 0, headers: { location } }: IncomingMessage, body: string): string {
  if (statusCode < 300 || statusCode > 399 || location === undefined) {
    return printable(body.slice(0, MAX_TEXT_BYTES).split(/\r?\n/)[0]!);
  }
  // The request's own path is behind the address that it was sent to.
  return `it sends to ${printable(location.replace(/\/v1\/.*$/, '/'))}; give that address`;
}

/** How long a server asks to be left alone, as far as it is believed. */
export function retryAfterMs({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) ? Math.min(Math.max(0, 1_000 * seconds), MAX_RETRY_AFTER_MS) : undefined;
}

/**
 * What to throw when a door refuses for a reason that does not pass by itself; null for any other answer.
 * @param role what the caller needed to be.
 */
export function refusalError({ status, text }: Answer, url: string, role: Role): OperatorError | null {
  if (status !== 401 && status !== 403) return null;
  const remedy = `set CONVOY_TOKEN to ${aRole(role)}'s token, or give --token-file`;
  return new OperatorError(`${url} refuses this request (${status}${text && `: ${text}`}): ${remedy}`, {
    exitCode: exitCodes.rejected,
  });
}
