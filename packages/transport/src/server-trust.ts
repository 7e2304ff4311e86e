import { readFileSync } from 'node:fs';
import type { ClientRequestArgs } from 'node:http';
import { getDefaultAutoSelectFamilyAttemptTimeout, isIP, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, rootCertificates, type TLSSocket } from 'node:tls';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { DEFAULT_PORT } from './default-port.ts';

/** Whose certificate a client takes, beyond those that the usual authorities have signed. */
export interface ServerTrust {
  /** sha256 of the one certificate that it takes, in lower-case hex. */
  readonly fingerprint: string | null;
  /** Certificates of authorities, in PEM. */
  readonly ca: string | null;
}

/** Time for the TCP connection and the TLS handshake. */
const HANDSHAKE_WITHIN_MS = 10_000;

export const USUAL_TRUST: ServerTrust = { fingerprint: null, ca: null };

/** How a fingerprint is written: as a flag, and in the command that a coordinator prints. */
export function fingerprintText(fingerprint: string): string {
  return `sha256:${fingerprint}`;
}

/** @param text `sha256:` and 64 hex digits, with or without colons. @returns null for anything else. */
export function parseFingerprint(text: string): string | null {
  const digits = /^sha256:([0-9a-f:]+)$/i.exec(text.trim())?.[1]!.replaceAll(':', '').toLowerCase();
  return digits?.length === 64 ? digits : null;
}

/** @param caFile certificates of authorities in PEM. @throws OperatorError when it can't be read. */
export function serverTrust(fingerprint: string | null, caFile: string | undefined): ServerTrust {
  if (caFile === undefined) return { fingerprint, ca: null };
  let ca: string;
  try {
    ca = readFileSync(caFile, 'utf8');
  } catch (error) {
    throw fileError(error, `can't read ${caFile}`);
  }
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new OperatorError(`${caFile} has no certificate in PEM`);
  return { fingerprint, ca };
}

/** Makes connections for Node's http, as its option `createConnection`. */
export type ConnectionMaker = (
  options: ClientRequestArgs & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'>,
  made: (error: Error | null, socket: Duplex) => void,
) => undefined;

/**
 * Makes the TLS connections of a client. Where a certificate is pinned, the socket is handed over only when the server has shown
 * that one, so that no token goes to anybody else.
 */
export function secureConnection({ fingerprint, ca }: ServerTrust): ConnectionMaker {
  return (options, made) => {
    const host = options.host ?? 'localhost';
    const socket = connect({
      host,
      port: Number(options.port),
      // Of net.connect, to which it is handed: the types lack it.
      ...{
        autoSelectFamilyAttemptTimeout:
          options.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout(),
      },
      servername: isIP(host) === 0 ? host : '',
      rejectUnauthorized: fingerprint === null,
      ...(ca === null ? {} : { ca: [...rootCertificates, ca] }),
    });
    const settle = once((error: Error | null) => {
      socket.setTimeout(0);
      // From here on its errors are its new owner's, or nobody's where it has none.
      if (error === null) socket.removeListener('error', settle);
      else socket.destroy();
      made(error, socket);
    });
    socket.on('error', settle);
    socket.setTimeout(HANDSHAKE_WITHIN_MS, () => settle(new Error('no answer to the TLS handshake')));
    socket.once('secureConnect', () => settle(fingerprint === null ? null : wrongCertificate(socket, fingerprint)));
    return undefined;
  };
}

/** How Node's http connects to an address: over TLS by that trust, and each time anew. */
export function connectionOf({ protocol }: URL, trust: ServerTrust) {
  // With a maker of connections Node would take port 80 where the address names none.
  return protocol === 'https:' ? { createConnection: secureConnection(trust), defaultPort: 443 } : { agent: false };
}

function wrongCertificate(socket: TLSSocket, expected: string): OperatorError | null {
  const shown = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none';
  if (shown === expected) return null;
  return new OperatorError(
    `the coordinator shows another certificate (${fingerprintText(shown)}) than --tls-fingerprint names: it is another server, or its certificate was made anew; take the fingerprint from the command that the coordinator prints`,
    { exitCode: exitCodes.rejected },
  );
}

/** Lets only the first call through. */
function once(callback: (error: Error | null) => void): (error: Error | null) => void {
  let isDone = false;
  return (error) => {
    if (isDone) return;
    isDone = true;
    callback(error);
  };
}

/** What OpenSSL calls a certificate that no authority known here has signed, or that is another server's. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  CERT_REVOKED: 'it was revoked',
  INVALID_CA: 'its authority may not sign certificates',
  INVALID_PURPOSE: 'it is not for servers',
  CERT_UNTRUSTED: 'its authority is not known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
};

/** The error to throw for a certificate that trying again does not make any better; null for every other error. */
export function untrustedError(error: unknown, url: string): OperatorError | null {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!Object.hasOwn(UNTRUSTED, code)) return null;
  return new OperatorError(
    `the certificate of ${url} is not trusted: ${UNTRUSTED[code]} (${code}); give --tls-fingerprint as the coordinator prints it, or its authority with --tls-ca`,
    { exitCode: exitCodes.rejected, cause: error },
  );
}

/** What an error of a connection that was never made means, in words, where it is likely that TLS or the port is the matter. */
export function connectionFault(error: NodeJS.ErrnoException, url: string): string {
  const isSecure = /^(wss|https):/.test(url);
  if (isSecure && (error.code === 'EPROTO' || error.code === 'ERR_SSL_WRONG_VERSION_NUMBER'))
    return `it does not speak TLS: does its address begin with ${url.startsWith('http') ? 'http' : 'ws'}://?`;
  if (!isSecure && error.code === 'ECONNRESET')
    return `it hung up: if it speaks TLS, its address begins with ${url.startsWith('http') ? 'https' : 'wss'}://`;
  return `${error.message || error.code || 'no answer'}${namesPort(url) ? '' : missingPort(isSecure)}`;
}

function namesPort(url: string): boolean {
  return /^\w+:\/\/[^/?#]*:\d+([/?#]|$)/.test(url);
}

function missingPort(isSecure: boolean): string {
  return `; an address without a port means port ${isSecure ? 443 : 80}, and a coordinator's own is ${DEFAULT_PORT}`;
}
