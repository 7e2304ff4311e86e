import { InvalidArgumentError } from 'commander';
import type { Coordinator } from '@convoy/convoy/operate';
import { serverTrust, parseFingerprint, type ServerTrust } from '@convoy/transport/server-trust';
import { clientToken } from '@convoy/transport/token-source';
import type { Role } from '@convoy/transport/tokens';
import { flagTable, type FlagValues } from './flag.ts';

export const NETWORK = 'Network:';

/** Who may use a coordinator's port, and how it proves what it is. */
export const guardFlags = flagTable({
  tokenFile: {
    takes: '<file>',
    help: 'tokens of workers, operators and viewers, made by "convoy token"',
    defaultText: '$CONVOY_WORKER_TOKEN, $CONVOY_OPERATOR_TOKEN, $CONVOY_VIEWER_TOKEN',
    group: NETWORK,
  },
  tls: {
    takes: '<certificate>',
    choices: ['self-signed'],
    help: 'speak TLS with a certificate made here; workers are told its fingerprint',
    group: NETWORK,
    conflicts: ['tlsCert', 'tlsKey'],
  },
  tlsDir: {
    takes: '<folder>',
    help: 'where that certificate is kept',
    defaultText: "convoy-tls, beside the run's folder",
    group: NETWORK,
  },
  tlsCert: { takes: '<file>', help: 'speak TLS with this certificate (PEM, with its chain)', group: NETWORK },
  tlsKey: { takes: '<file>', help: 'its key (PEM)', group: NETWORK },
  insecure: {
    help: 'listen beyond this machine without tokens or without TLS',
    default: false as boolean,
    group: NETWORK,
  },
});

/** For commands that serve a page. */
export const openFlag = flagTable({
  open: { help: 'open the page in the browser', default: false as boolean },
});

/** Whom a client believes, and what it shows. */
export const callerFlags = flagTable({
  tokenFile: { takes: '<file>', help: 'file with the token to show', defaultText: '$CONVOY_TOKEN' },
  tlsFingerprint: {
    takes: '<sha256:hex>',
    parse: fingerprint,
    help: "the coordinator's certificate, as it prints it: no other is taken",
  },
  tlsCa: { takes: '<file>', help: 'certificates of authorities (PEM) to trust beside the usual ones' },
});
type CallerFlags = FlagValues<typeof callerFlags>;

export function trustFrom({ tlsFingerprint, tlsCa }: CallerFlags): ServerTrust {
  return serverTrust(tlsFingerprint ?? null, tlsCa);
}

/** The coordinator that an operator or a viewer means. @throws OperatorError */
export function coordinatorAt(url: string, flags: CallerFlags, role: Role): Coordinator {
  return {
    url: checkUrl(url),
    token: clientToken({ file: flags.tokenFile, environment: process.env }, role),
    trust: trustFrom(flags),
  };
}

/** Whether an argument is a coordinator's address, and not a folder. */
export function isAddress(text: string): boolean {
  return /^(wss?|https?):\/\//.test(text);
}

/** An address of a coordinator. @throws InvalidArgumentError */
export function checkUrl(text: string): string {
  if (!URL.canParse(text) || !/^(wss?|https?):$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must look like ws://HOST:PORT or wss://HOST:PORT.');
  }
  const { username, password, search } = new URL(text);
  // What is in an address is seen by everybody who lists processes.
  if (username || password || search) {
    throw new InvalidArgumentError('An address holds no secrets: give the token in CONVOY_TOKEN or with --token-file.');
  }
  return text;
}

function fingerprint(text: string): string {
  const digits = parseFingerprint(text);
  if (digits !== null) return digits;
  throw new InvalidArgumentError('It must look like sha256:… with 64 hexadecimal digits.');
}
