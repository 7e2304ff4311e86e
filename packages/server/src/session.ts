import type { EvaluationResult, Hello, Ready, Result, ServerMessage, WorkerMessage } from '@convoy/protocol/messages';
import type { RunFact } from '@convoy/protocol/run-events';
import type { CoordinatorEvent, WorkerId } from '@convoy/training/coordinator/events';
import type { Connection } from '@convoy/transport/connection';

import type { WorkerSpeed } from './worker-speed.ts';

export type WorkerConnection = Connection<WorkerMessage, ServerMessage>;

/** How far the conversation with one peer has come. */
export type SessionState =
  /** Connected; nothing said yet. */
  | { readonly name: 'greeting' }
  /** Welcomed; loads the model and the data. */
  | { readonly name: 'preparing'; readonly hello: Hello; readonly rank: number }
  /** Prepared; other arithmetic than its own is being tried first. */
  | { readonly name: 'waiting'; readonly hello: Hello; readonly rank: number; readonly ready: Ready }
  /** Takes leases. */
  | { readonly name: 'ready'; readonly worker: JoinedWorker }
  /** This side has closed it: what still arrives is not read. */
  | { readonly name: 'closing' };

/** One connection of a peer, and how far the conversation on it has come. */
export interface PeerSession {
  readonly connection: WorkerConnection;
  state: SessionState;
  /** When this peer was last heard, on the server's clock. */
  heardAtMs: number;
  /** Bytes heard by then, of unfinished messages too. */
  bytesHeard: number;
  /** When the present state must have been left, or Infinity. */
  deadlineMs: number;
  /** Leases that it has been given and not answered: a result beyond them is nobody's. */
  owed: number;
  /** It leaves: the end of its connection is its leaving. */
  draining: boolean;
  /** When its memory was reported last. */
  memoryReportedAtMs: number;
}

/** A worker that takes part, whether or not it is connected at the moment. */
export interface JoinedWorker {
  readonly workerId: WorkerId;
  /** Order of joining, for display: it stays the worker's when it connects again. */
  readonly rank: number;
  readonly name: string;
  /** What it computes with, in words. */
  readonly engine: string;
  /** Where it connected from last, and with which token. */
  origin: string;
  readonly speed: WorkerSpeed;
  session: PeerSession | null;
}

/** What happens in the conversations, for whoever carries the run on. */
export type SessionEvent =
  /** Something that the coordinator decides upon. */
  | Extract<
      CoordinatorEvent,
      {
        type: 'worker-joined' | 'worker-heard' | 'worker-lost' | 'worker-left' | 'worker-draining' | 'lease-returned';
      }
    >
  /** A result that its worker owed; whoever finds that no honest worker can have sent it, says so to the sessions. */
  | { readonly type: 'result-arrived'; readonly workerId: WorkerId; readonly result: Result | EvaluationResult }
  /** Others compute from now on, with other arithmetic: nothing that was collected may be added to what they give. */
  | { readonly type: 'numerics-changed' }
  | { readonly type: 'reported'; readonly fact: RunFact }
  /** A fault of our own in a conversation. */
  | { readonly type: 'failed'; readonly error: unknown };
