import { closeCodes, type Closure } from './connection.ts';

/** What a peer may send, whoever it is. */
export interface IncomingLimitOptions {
  /** In all, before it is admitted: a greeting, what it has to show, and heartbeats until then. */
  readonly strangerBytes: number;
  /** The most that one message may have, until a larger one is expected. */
  readonly smallMessageBytes: number;
  /** Messages, pings and pongs that nobody asked for: so many at once, and so many per second in the long run. */
  readonly burst: number;
  readonly perSecond: number;
}

export const DEFAULT_INCOMING_LIMITS: IncomingLimitOptions = {
  // A quarter of an hour of heartbeats fits.
  strangerBytes: 128 * 1024,
  smallMessageBytes: 64 * 1024,
  burst: 1_000,
  perSecond: 200,
};

/** What a socket may deliver beyond a message: the head of the next, which came in the same read. */
const READ_BYTES = 64 * 1024;

/** Judges by counts what one peer sends: how much before it is known, how much at once, and how often. */
export class IncomingLimits {
  readonly #options: IncomingLimitOptions;
  #isAdmitted = false;
  #largest: number;
  /** Bytes heard when the last message was whole. */
  #wholeAt = 0;
  #tokens: number;
  #tokensAtMs: number;

  constructor(nowMs: number, options = DEFAULT_INCOMING_LIMITS) {
    this.#options = options;
    this.#largest = options.smallMessageBytes;
    this.#tokens = options.burst;
    this.#tokensAtMs = nowMs;
  }

  admit(): void {
    this.#isAdmitted = true;
  }

  expect(maxBytes: number): void {
    this.#largest = Math.max(maxBytes, this.#options.smallMessageBytes);
  }

  /** @param bytesHeard what has arrived in all, of unfinished messages too. */
  faultOfBytes(bytesHeard: number): Closure | null {
    const { strangerBytes } = this.#options;
    if (!this.#isAdmitted && bytesHeard > strangerBytes) {
      return { code: closeCodes.tooLarge, reason: `more than ${strangerBytes} bytes before it was admitted` };
    }
    if (bytesHeard - this.#wholeAt > this.#largest + READ_BYTES) {
      return { code: closeCodes.tooLarge, reason: `a message of more than ${this.#largest} bytes, unasked` };
    }
    return null;
  }

  messageIsWhole(bytesHeard: number): void {
    this.#wholeAt = bytesHeard;
  }

  /** A message, a ping or a pong has come. @returns what is wrong when there have been too many; else null. */
  faultOfFrequency(nowMs: number): Closure | null {
    const { burst, perSecond } = this.#options;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#tokensAtMs) / 1000) * perSecond);
    this.#tokensAtMs = nowMs;
    this.#tokens--;
    if (this.#tokens >= 0) return null;
    return { code: closeCodes.flooding, reason: `more than ${perSecond} messages a second` };
  }

  /** The message that was read last had been asked for: it does not count. */
  excuse(): void {
    this.#tokens++;
  }
}
