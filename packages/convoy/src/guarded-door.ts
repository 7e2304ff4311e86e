import { lookup } from 'node:dns/promises';
import { dirname, join, resolve } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { isLoopback } from '@convoy/transport/loopback';
import { selfSignedTls, tlsOfFiles, type ServerTls } from '@convoy/transport/server-tls';
import { serverTokens, type Environment, type ServerTokens } from '@convoy/transport/token-source';

/** Who may use a coordinator's port, and how it proves what it is. */
export interface GuardOptions {
  readonly tokenFile?: string | undefined;
  /** A certificate made by Convoy, in place of files. */
  readonly tls?: 'self-signed' | undefined;
  /** The folder of that certificate. */
  readonly tlsDir?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

export interface DoorGuard {
  readonly tokens: ServerTokens;
  readonly tls: ServerTls | null;
}

/**
 * Opens the tokens and the certificate of a door.
 * @param runFolder of the run behind it, where it is known: a certificate that is made here is kept beside it.
 * @param onNote is told when they change later.
 * @throws OperatorError naming what to change.
 */
export async function guardDoor(
  { tokenFile, tls, tlsDir, tlsCert, tlsKey }: GuardOptions,
  {
    environment,
    runFolder,
    onNote,
  }: {
    readonly environment: Environment;
    readonly runFolder?: string | undefined;
    readonly onNote: (line: string) => void;
  },
): Promise<DoorGuard> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new OperatorError('give both --tls-cert and --tls-key: the certificate and its key');
  }
  const tokens = serverTokens({ file: tokenFile, environment }, onNote);
  if (tlsCert !== undefined && tlsKey !== undefined) return { tokens, tls: tlsOfFiles(tlsCert, tlsKey, onNote) };
  if (tls === undefined) return { tokens, tls: null };
  return { tokens, tls: await selfSignedTls(tlsDir ?? certificateFolder(runFolder)) };
}

/** What to do with a fault of our own in an answer over HTTP: the run goes on, and its operator is told. */
export function faultsTo(onNote: (line: string) => void): (error: unknown) => void {
  return (error) =>
    onNote(`a fault of Convoy's own, in an answer over HTTP: ${(error as Error).stack ?? String(error)}`);
}

/** Beside the run's folder: the next run there has the same certificate. */
function certificateFolder(runFolder = join('runs', 'next')): string {
  return join(dirname(resolve(runFolder)), 'convoy-tls');
}

/** What a door lacks for a network that others use too; an empty list where it lacks nothing. */
export async function missingGuards(host: string, { tokens, tls }: DoorGuard): Promise<readonly ('tokens' | 'TLS')[]> {
  const missing = [...(tokens.book === null ? (['tokens'] as const) : []), ...(tls === null ? (['TLS'] as const) : [])];
  return missing.length === 0 || (await isLocal(host)) ? [] : missing;
}

async function isLocal(host: string): Promise<boolean> {
  if (isLoopback(host)) return true;
  try {
    return (await lookup(host, { all: true })).every(({ address }) => isLoopback(address));
  } catch {
    // Nothing can be bound to it: that is told in its own words.
    return true;
  }
}
