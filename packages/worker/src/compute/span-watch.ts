import type { Span, SpanKind } from '@convoy/protocol/lease-spans';
import { workerClockMs } from './compute.ts';

/** Takes the times of what is done one after another. */
export class SpanWatch {
  readonly spans: Span[] = [];
  #fromMs = 0;

  begin(): void {
    this.#fromMs = workerClockMs();
  }

  /** What began last, or right after the one before it, ends now. */
  end(kind: SpanKind): void {
    const toMs = workerClockMs();
    this.spans.push({ kind, fromMs: this.#fromMs, toMs });
    this.#fromMs = toMs;
  }
}
