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
  | { readonly name: 'ready'; readonly hello: Hello; readonly rank: number; readonly ready: Ready };

export interface Session {
  readonly connection: WorkerConnection;
  state: SessionState;
  /** When this peer was last heard, on the server's clock. */
  heardAtMs: number;
  /** When the present state must have been left, or Infinity. */
  deadlineMs: number;
  /** When its memory was reported last. */
  memoryReportedAtMs: number;
  /** Why the peer said it leaves, if it did. */
  farewell: string | null;
}
