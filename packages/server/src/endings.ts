import { asText, REASON_LENGTH, type ServerMessage } from '@convoy/protocol/messages';
import type { RunOutcome } from '@convoy/protocol/run-events';
import type { ExpulsionCause } from '@convoy/training/coordinator/events';
import { closeCodes } from '@convoy/transport/connection';

/** How a server ends. */
export interface Ending {
  /** `rolled-back` is no end of the run: whoever serves it opens it again, as after a crash. */
  readonly outcome: RunOutcome | 'rolled-back';
  readonly reason: string;
}

/** What a worker is told of a run's end. The reason may be anything, another worker's last words for example: that is not made for a message. */
export function shutdownOf({ outcome, reason }: Ending): ServerMessage {
  return { type: 'shutdown', completed: outcome === 'completed', reason: asText(reason, REASON_LENGTH) };
}

/** How a connection ends when the peer alone is to blame. */
export const INEXCUSABLE: ReadonlySet<number> = new Set([
  closeCodes.notWebSocket,
  closeCodes.notUtf8,
  closeCodes.shredded,
  closeCodes.tooLarge,
  closeCodes.malformed,
  closeCodes.flooding,
  closeCodes.unread,
]);

/** With what the connection of a worker is closed that the coordinator sends away. */
export const expulsionCodes: Readonly<Record<ExpulsionCause, number>> = {
  dead: closeCodes.silent,
  hung: closeCodes.hung,
  poisonous: closeCodes.poisonous,
};
