import type { Block } from '@convoy/protocol/messages';
import type { Holding, Task } from '@convoy/training/coordinator/events';
import type { Sums } from '@convoy/numerics/reduction';
import type { RandomStream } from '@convoy/numerics/random/stream';
import type { Agenda } from './agenda.ts';

/** The wire's messages, as far as the coordinator's decisions depend on them. */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly incarnation: number; readonly holding: Holding | null }
  | Result
  | { readonly type: 'lease-returned'; readonly incarnation: number; readonly task: number; readonly block: Block }
  | { readonly type: 'draining' }
  | { readonly type: 'bye' }
  | { readonly type: 'malformed' };

export interface Result {
  readonly type: 'result';
  readonly incarnation: number;
  readonly task: number;
  /** The step at whose place in the data, and with whose parameters, this was computed. */
  readonly step: number;
  readonly block: Block;
  readonly sums: Sums;
}

export type ServerMessage =
  | { readonly type: 'parameters'; readonly step: number; readonly values: number }
  | { readonly type: 'lease'; readonly incarnation: number; readonly task: Task; readonly block: Block }
  | { readonly type: 'cancel'; readonly task: number; readonly block: Block }
  | { readonly type: 'answer'; readonly task: number; readonly block: Block };

/** What either end does with what arrives. */
export interface End<Message> {
  receive(link: Link, message: Message): void;
  /** The connection is over; said once, and not to the side that closed it. */
  disconnected(link: Link, reason: string): void;
  /** Until when this end's process stands still: what arrives waits. */
  readonly standsUntilMs: number;
}

const MAX_DELAY_MS = 40;
/** Now and then a message takes this long. */
const MAX_RARE_DELAY_MS = 1_500;

/**
 * One connection of a worker with the server: each direction keeps its order, as TCP does, and takes random times. Either
 * side may close it, in order, after all it has sent; a broken one loses what is under way.
 */
export class Link {
  readonly workerId: string;
  readonly #agenda: Agenda;
  readonly #toServer: Direction<WorkerMessage>;
  readonly #toWorker: Direction<ServerMessage>;
  /** Nothing arrives at either end before this: the network between them is down. */
  blockedUntilMs = 0;

  constructor(
    workerId: string,
    agenda: Agenda,
    random: RandomStream,
    ends: { readonly server: End<WorkerMessage>; readonly worker: End<ServerMessage> },
  ) {
    this.workerId = workerId;
    this.#agenda = agenda;
    this.#toServer = new Direction(this, agenda, random, ends.server);
    this.#toWorker = new Direction(this, agenda, random, ends.worker);
  }

  sendToServer(message: WorkerMessage): void {
    this.#toServer.send(message);
  }

  sendToWorker(message: ServerMessage): void {
    this.#toWorker.send(message);
  }

  /** The worker's process no longer reads or writes this connection; the server learns of it in time, if at all. */
  closeByWorker(reason: string, isNoticed = true): void {
    this.#toWorker.shut();
    if (isNoticed) this.#toServer.end(reason);
  }

  closeByServer(reason: string): void {
    this.#toServer.shut();
    this.#toWorker.end(reason);
  }

  /** The network resets it: both ends learn of it, each after a while. `isHalfOpen`: the server does not. */
  sever(reason: string, isHalfOpen: boolean): void {
    this.#toServer.lose();
    this.#toWorker.lose();
    this.#toWorker.end(reason);
    if (!isHalfOpen) this.#toServer.end(reason);
  }

  /** Bytes from the worker's side reach the server at present, if its process sends any. */
  get carries(): boolean {
    return this.#agenda.nowMs >= this.blockedUntilMs && !this.#toServer.isOver;
  }
}

class Direction<Message> {
  readonly #link: Link;
  readonly #agenda: Agenda;
  readonly #random: RandomStream;
  readonly #receiver: End<Message>;
  readonly #underWay: Message[] = [];
  #lastArrivalMs = 0;
  #endReason: string | null = null;
  /** Nobody reads at the other end any more, or nothing more is written at this one. */
  isOver = false;

  constructor(link: Link, agenda: Agenda, random: RandomStream, receiver: End<Message>) {
    this.#link = link;
    this.#agenda = agenda;
    this.#random = random;
    this.#receiver = receiver;
  }

  send(message: Message): void {
    if (this.isOver) return;
    this.#underWay.push(message);
    this.#schedule();
  }

  /** The sender says that nothing more comes. */
  end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#endReason = reason;
    this.#schedule();
  }

  /** The receiver does not want to know what still comes. */
  shut(): void {
    this.isOver = true;
    this.#endReason = null;
    this.lose();
  }

  lose(): void {
    this.#underWay.length = 0;
  }

  #schedule(): void {
    const delayMs = 1 + this.#random.below(this.#random.below(40) === 0 ? MAX_RARE_DELAY_MS : MAX_DELAY_MS);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#agenda.nowMs + delayMs);
    this.#agenda.at(this.#lastArrivalMs, this.#arrive);
  }

  /** An arrival takes the oldest message, whichever it was made for: the order holds although arrivals are put off. */
  readonly #arrive = (): void => {
    const untilMs = Math.max(this.#link.blockedUntilMs, this.#receiver.standsUntilMs);
    if (untilMs > this.#agenda.nowMs) return this.#agenda.at(untilMs, this.#arrive);
    const message = this.#underWay.shift();
    if (message !== undefined) this.#receiver.receive(this.#link, message);
    else if (this.#endReason !== null) {
      const reason = this.#endReason;
      this.#endReason = null;
      this.#receiver.disconnected(this.#link, reason);
    }
  };
}
