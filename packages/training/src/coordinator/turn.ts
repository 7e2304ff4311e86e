import type { CoordinatorEffect } from './events.ts';

/** What the parts of a coordinator share while it deals with an event: the time, and the orders that answer it. */
export class Turn {
  #orders: CoordinatorEffect[] = [];
  /** On a clock that never goes back; −Infinity before the first event. */
  nowMs = -Infinity;

  order(effect: CoordinatorEffect): void {
    this.#orders.push(effect);
  }

  /** All that was ordered since the last call, in order. */
  takeOrders(): readonly CoordinatorEffect[] {
    const orders = this.#orders;
    this.#orders = [];
    return orders;
  }
}

/** A duration as messages have it. */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
