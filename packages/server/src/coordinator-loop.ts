import type { Coordinator } from '@convoy/training/coordinator/coordinator';
import type { CoordinatorEffect, CoordinatorEvent } from '@convoy/training/coordinator/events';
import type { Clock } from './clock.ts';
import { HEARTBEAT_INTERVAL_MS } from './welcome.ts';

export interface CoordinatorLoopOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  /** Carries out one order; events that it causes are told to this loop. */
  readonly perform: (effect: CoordinatorEffect) => void;
  /** Called every heartbeat, and when the coordinator wants to be woken, before the coordinator hears of it. */
  readonly onTick: () => void;
}

/** Hands events to the coordinator one after another, has its orders carried out, and wakes it when something is due. */
export class CoordinatorLoop {
  readonly #options: CoordinatorLoopOptions;
  readonly #inbox: CoordinatorEvent[] = [];
  #isHandling = false;
  #isStopped = false;
  #cancelWake = () => {};
  #tickedAtMs = 0;

  constructor(options: CoordinatorLoopOptions) {
    this.#options = options;
  }

  /** Has an event handled; one that arises while another is handled waits its turn. */
  tell(event: CoordinatorEvent): void {
    this.#inbox.push(event);
    if (this.#isHandling) return;
    const { coordinator, clock, perform } = this.#options;
    this.#isHandling = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of coordinator.handle(next, clock.now())) perform(effect);
      }
    } finally {
      this.#isHandling = false;
    }
    this.#scheduleWake();
  }

  /** What an order has caused comes before all that waits: called while it is carried out. */
  tellFirst(events: readonly CoordinatorEvent[]): void {
    this.#inbox.unshift(...events);
  }

  tick(): void {
    const { clock, onTick } = this.#options;
    this.#tickedAtMs = clock.now();
    onTick();
    this.tell({ type: 'tick' });
  }

  /** Wakes nobody any more. Events are still handled: results may arrive that have to be answered. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWake();
  }

  #scheduleWake(): void {
    this.#cancelWake();
    if (this.#isStopped) return;
    const { coordinator, clock } = this.#options;
    // From the last tick, not from now: what happens all the time must not put off what is due every second.
    const atMs = Math.min(this.#tickedAtMs + HEARTBEAT_INTERVAL_MS, coordinator.wakeAtMs);
    this.#cancelWake = clock.after(Math.max(1, atMs - clock.now()), () => this.tick());
  }
}
