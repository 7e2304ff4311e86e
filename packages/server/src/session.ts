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

/**
 * What tells a peer from others whatever it calls itself: its address without the port. Of IPv6 the network, in which one host has as
 * many addresses as it likes.
 */
export function originOf(remote: string): string {
  const address = remote.includes(':') ? remote.slice(0, remote.lastIndexOf(':')) : remote;
  const isVersion6 = address.includes(':') && !address.includes('.');
  return isVersion6 ? address.split('::')[0]!.split(':').slice(0, 4).join(':') : address;
}
