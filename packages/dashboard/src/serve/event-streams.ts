import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { askAgain, type Visit } from '@convoy/transport/routes';
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

/**
 * Sends logs as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) and goes on as they grow. A
 * message has some whole lines, and the number of the last one as its id. What a viewer does not take in time is not kept for it: it
 * is read again from the file.
 */
export class EventStreams {
  readonly #closing = new AbortController();
  #viewers = 0;

  /**
   * Sends the log from that line on, until the viewer goes or may see no more, or {@link close} was called and all is sent.
   * @param path of the log.
   */
  async send(path: string, from: number, response: ServerResponse, { isStillAllowed }: Visit): Promise<void> {
    if (this.#viewers >= MAX_VIEWERS) {
      return askAgain(response, `${MAX_VIEWERS} viewers are watching`, RETRY_AFTER_S);
    }
    this.#viewers++;
    // Whoever goes ends what is waited for.
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    let reader: LineReader | null = null;
    try {
      reader = await LineReader.open(path, from);
      response.writeHead(200, { 'content-type': EVENT_STREAM, 'x-accel-buffering': 'no' });
      response.write(`retry: ${RECONNECT_MS}\n\n`);
      await this.#follow(reader, response, gone.signal, isStillAllowed);
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    } finally {
      this.#viewers--;
      await reader?.close();
    }
    response.end();
  }

  /** Ends every stream once the viewer has what is in the log by now. */
  close(): void {
    this.#closing.abort();
  }

  async #follow(
    reader: LineReader,
    response: ServerResponse,
    gone: AbortSignal,
    isStillAllowed: () => boolean,
  ): Promise<void> {
    const either = AbortSignal.any([gone, this.#closing.signal]);
    let quietMs = 0;
    while (!gone.aborted && isStillAllowed()) {
      // Before the log is looked at: nothing is written after the streams are closed.
      const isLast = this.#closing.signal.aborted;
      const lines = await reader.next();
      if (lines !== null) {
        quietMs = 0;
        if (!response.write(messageOf(lines))) await once(response, 'drain', { signal: gone });
        continue;
      }
      if (isLast || (await reader.isCut())) return;
      if (quietMs >= SIGN_OF_LIFE_MS) {
        quietMs = 0;
        response.write(':\n\n');
      }
      await wait(LOOK_EVERY_MS, undefined, { signal: either }).catch(() => {});
      quietMs += LOOK_EVERY_MS;
    }
  }
}

/** JSON has no line ends within it; a log that was changed may. */
function messageOf({ last, text }: Lines): string {
  return `id: ${last}\ndata: ${text.replaceAll('\r', ' ').replaceAll('\n', '\ndata: ')}\n\n`;
}
