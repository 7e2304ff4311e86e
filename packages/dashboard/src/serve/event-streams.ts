import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { answerText, askAgain, type Visit } from '@convoy/transport/routes';
import { LineReader, type Lines } from './line-reader.ts';

export const EVENT_STREAM = 'text/event-stream; charset=utf-8';
/** Viewers that are told of events at a time. */
const MAX_VIEWERS = 32;
/** When one of more may ask again. */
const RETRY_AFTER_S = 5;
/** How often a log is looked at for more. */
const LOOK_EVERY_MS = 250;
/** So often a line is sent at least: proxies and the door cut a connection over which nothing comes. */
const SIGN_OF_LIFE_MS = 10_000;
/** A browser that lost its connection tries again after so long. */
const RECONNECT_MS = 1_000;

/** A log that a viewer follows. */
export interface WantedLog {
  readonly path: string;
  /** The number of the first line that the viewer wants. */
  readonly from: number;
  /** When the first event was, in the log that the viewer has the lines before `from` of; null where it has none. */
  readonly firstAt: number | null;
}

interface Viewing {
  /** The viewer has gone. */
  readonly gone: AbortSignal;
  /** Nothing more will come than what is in the logs. */
  readonly closing: AbortSignal;
  readonly isStillAllowed: () => boolean;
}

/**
 * Sends logs as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) and goes on as they grow. A
 * message has some whole lines, and the number of the last one as its id. Where several logs are sent at once, the message's
 * type is the position of its log among them. What a viewer does not take in time is not kept for it: it is read again from
 * the file.
 */
export class EventStreams {
  readonly #closing = new AbortController();
  #viewers = 0;

  /**
   * Sends the logs until the viewer goes or may see no more, one of the logs is another one now, or {@link close} was called and all
   * is sent. A viewer who wants the rest of a log that is another one by now is told so (409).
   * @param follows false ends it as soon as all is sent.
   */
  async send(
    logs: readonly WantedLog[],
    response: ServerResponse,
    { isStillAllowed }: Visit,
    follows = true,
  ): Promise<void> {
    if (this.#viewers >= MAX_VIEWERS) {
      return askAgain(response, `${MAX_VIEWERS} viewers are watching`, RETRY_AFTER_S);
    }
    this.#viewers++;
    // Whoever goes ends what is waited for.
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const readers: LineReader[] = [];
    try {
      for (const { path, from, firstAt } of logs) {
        const reader = await LineReader.open(path, from);
        readers.push(reader);
        if (firstAt !== null && firstAt !== timeOf(await reader.firstLine())) {
          return answerText(response, 409, 'another run is here now: read it from its first line');
        }
      }
      response.writeHead(200, { 'content-type': EVENT_STREAM, 'x-accel-buffering': 'no' });
      response.write(`retry: ${RECONNECT_MS}\n\n`);
      const closing = follows ? this.#closing.signal : AbortSignal.abort();
      await this.#follow(readers, response, { gone: gone.signal, closing, isStillAllowed });
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    } finally {
      this.#viewers--;
      for (const reader of readers) await reader.close();
    }
    response.end();
  }

  /** Ends every stream once the viewer has what is in the log by now. */
  close(): void {
    this.#closing.abort();
  }

  async #follow(
    readers: readonly LineReader[],
    response: ServerResponse,
    { gone, closing, isStillAllowed }: Viewing,
  ): Promise<void> {
    const either = AbortSignal.any([gone, closing]);
    let quietMs = 0;
    while (!gone.aborted && isStillAllowed()) {
      // Before the logs are looked at: nothing is written after the streams are closed.
      const isLast = closing.aborted;
      let isQuiet = true;
      for (const [index, reader] of readers.entries()) {
        const lines = await reader.next();
        if (lines === null) continue;
        isQuiet = false;
        const message = messageOf(lines, readers.length === 1 ? null : index);
        if (!response.write(message)) await once(response, 'drain', { signal: gone });
      }
      if (!isQuiet) {
        quietMs = 0;
        continue;
      }
      if (isLast || (await isAnyReplaced(readers))) return;
      if (quietMs >= SIGN_OF_LIFE_MS) {
        quietMs = 0;
        response.write(':\n\n');
      }
      await wait(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => {});
      quietMs += LOOK_EVERY_MS;
    }
  }
}

async function isAnyReplaced(readers: readonly LineReader[]): Promise<boolean> {
  for (const reader of readers) if (await reader.isReplaced()) return true;
  return false;
}

/** JSON has no line ends within it; a log that was changed may. */
function messageOf({ last, text }: Lines, index: number | null): string {
  const type = index === null ? '' : `event: ${index}\n`;
  return `${type}id: ${last}\ndata: ${text.replaceAll('\r', ' ').replaceAll('\n', '\ndata: ')}\n\n`;
}

/** When an event was; null of a line that has none. */
function timeOf(line: string | null): number | null {
  try {
    const { at } = JSON.parse(line ?? '') as { readonly at?: unknown };
    return typeof at === 'number' ? at : null;
  } catch {
    return null;
  }
}
