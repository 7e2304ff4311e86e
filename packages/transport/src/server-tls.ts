import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { isIP } from 'node:net';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { fileStamp } from './file-stamp.ts';

/** A certificate, with those of its authorities behind it, and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** The certificate that a door shows at the moment. */
export interface ServerTls {
  readonly current: Certificate;
  /** sha256 of the certificate, in lower-case hex. */
  readonly fingerprint: string;
  /** Whether clients have to pin it: no authority has signed it. */
  readonly isSelfSigned: boolean;
  /** Has a server show whatever is current, from now on until it closes. */
  follow(server: Pick<Server, 'setSecureContext' | 'once'>): void;
}

/** How often the files are looked at: renewed certificates are put there weeks before the old ones end. */
const LOOK_EVERY_MS = 10_000;
const DAY_MS = 24 * 3600_000;
/** Whoever pins a certificate has no use for its end. */
const SELF_SIGNED_FOR_MS = 3_650 * DAY_MS;

/**
 * The certificate of two files, which are read again when they change.
 * @param onNote is told that they were, or why the new ones are of no use: the certificate before them stays.
 * @throws OperatorError when they can't be read or don't belong together.
 */
export function tlsOfFiles(
  certFile: string,
  keyFile: string,
  onNote: (line: string) => void,
  everyMs = LOOK_EVERY_MS,
): ServerTls {
  let current = readCertificate(certFile, keyFile);
  if (isOpenToOthers(keyFile)) onNote(`others can read ${keyFile}, the key of the certificate: chmod o-rwx ${keyFile}`);
  return {
    get current() {
      return current;
    },
    get fingerprint() {
      return fingerprintOf(current);
    },
    isSelfSigned: false,
    follow(server) {
      let stamp = fileStamp(certFile, keyFile);
      const looking = setInterval(() => {
        const now = fileStamp(certFile, keyFile);
        if (now === stamp) return;
        try {
          const renewed = readCertificate(certFile, keyFile);
          server.setSecureContext(renewed);
          // Only now: two files are not written at once, and what does not fit yet is looked at again.
          stamp = now;
          if (renewed.cert === current.cert) return;
          current = renewed;
          onNote(`${certFile} has changed: the certificate is valid until ${endOf(renewed)}`);
        } catch (error) {
          stamp = now;
          onNote(`${(error as Error).message}; the certificate before it stays in use`);
        }
      }, everyMs).unref();
      server.once('close', () => clearInterval(looking));
    },
  };
}

/**
 * A certificate that is made here, once: it is kept in a folder, so that workers that have pinned it find the same after a restart.
 * @throws OperatorError when the folder can't be used.
 */
export async function selfSignedTls(folder: string): Promise<ServerTls> {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!exists(certFile) || !exists(keyFile)) await makeCertificate(certFile, keyFile);
  } catch (error) {
    throw fileError(error, `can't keep a certificate in ${folder}`);
  }
  const current = readCertificate(certFile, keyFile);
  return { current, fingerprint: fingerprintOf(current), isSelfSigned: true, follow: () => {} };
}

async function makeCertificate(certFile: string, keyFile: string): Promise<void> {
  // Seldom needed, and large.
  const { generate } = await import('selfsigned');
  const names = [...new Set(['localhost', hostname(), '127.0.0.1', '::1'])];
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'convoy' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + SELF_SIGNED_FOR_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  });
  // The certificate last: where it is, its key is too.
  writeSecret(keyFile, key);
  writeSecret(certFile, cert);
}

function writeSecret(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text, { mode: 0o600 });
  chmodSync(partial, 0o600);
  renameSync(partial, path);
}

function readCertificate(certFile: string, keyFile: string): Certificate {
  const [cert, key] = [read(certFile), read(keyFile)];
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new OperatorError(
      `${certFile} and ${keyFile} are no certificate with its key, in PEM (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      { cause: error },
    );
  }
  return { cert, key };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError(error, `can't read ${path}`);
  }
}

/** Whether every user of this machine may read or change a file. A group may: servers' keys are often shared so. */
function isOpenToOthers(path: string): boolean {
  // Windows has no such modes.
  return process.getuid !== undefined && (statSync(path).mode & 0o006) !== 0;
}

function fingerprintOf({ cert }: Certificate): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
}

function endOf({ cert }: Certificate): string {
  return new Date(new X509Certificate(cert).validTo).toISOString().slice(0, 10);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
