import type { Hello, Ready, ServerMessage, WorkerMessage } from '@convoy/protocol/messages';
import type { Connection } from '@convoy/transport/connection';

export type WorkerConnection = Connection<WorkerMessage, ServerMessage>;

/** How far the conversation with one peer has come. */
export type SessionState =
  /** Connected; nothing said yet. */
  | { readonly name: 'greeting' }
  /** Welcomed; loads the model and the data. */
  | { readonly name: 'preparing'; readonly hello: Hello; readonly rank: number }
  /** Takes leases. */
  | { readonly name: 'ready'; readonly member: Member; readonly ready: Ready }
  /** This side has closed it: what still arrives is not read. */
  | { readonly name: 'closing' };

export interface Session {
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
  /** It said that it leaves: the end of its connection is its leaving. */
  draining: boolean;
  /** When its memory was reported last. */
  memoryReportedAtMs: number;
}

/** A worker that takes part, whether or not it is connected at the moment. */
export interface Member {
  readonly workerId: string;
  /** Order of joining, for display: it stays the worker's when it connects again. */
  readonly rank: number;
  readonly name: string;
  session: Session | null;
}
