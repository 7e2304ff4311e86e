import type { Ending } from './worker-places.ts';
import { NO_FOLDER } from './remote-script.ts';
import type { RemoteHost } from './hosts-file.ts';
import { shellCommand } from '../shell-command.ts';
import { exitCodes } from '@convoy/protocol/errors';

/** With this code `ssh` ends for reasons of its own. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** What ssh says, what it means to us, and what to do about it. The first that matches counts. */
const FAULTS: readonly {
  readonly says: RegExp;
  readonly kind: Ending['kind'];
  readonly words: (host: RemoteHost) => string;
}[] = [
  {
    says: /Permission denied|Too many authentication failures/,
    kind: 'final',
    words: (host) => `the host takes no key that this user has: see what \`${byHand(host)}\` says, and add your public key there (ssh-copy-id)`, // prettier-ignore
  },
  {
    says: /IDENTIFICATION HAS CHANGED/,
    kind: 'final',
    words: (host) => `the host shows another key than before: if that is right, forget the old one (ssh-keygen -R) and connect once by \`${byHand(host)}\``, // prettier-ignore
  },
  {
    says: /Host key verification failed/,
    kind: 'final',
    words: (host) => `the host's key is not known yet: connect once by \`${byHand(host)}\` and confirm it`,
  },
  {
    says: /Could not resolve hostname/,
    kind: 'outage',
    words: () => 'no address is known for this name',
  },
  {
    says: /Connection refused/,
    kind: 'outage',
    words: () => 'the host is there, and no ssh server listens on that port',
  },
  {
    says: /timed out|No route to host|unreachable/i,
    kind: 'outage',
    words: () => "the host can't be reached",
  },
  {
    says: /remote port forwarding failed/,
    kind: undefined,
    words: () => "the host's ssh server makes no tunnel: it must allow AllowTcpForwarding (see its sshd_config), or the coordinator listen where the host reaches it (--host)", // prettier-ignore
  },
  {
    says: /Bad configuration option|command-line line \d|illegal option|Bad (port|number)/,
    kind: 'final',
    words: () => 'ssh does not understand its options: see --ssh-option, and ~/.ssh/config',
  },
];

/**
 * How a worker's end on another machine is to be taken.
 * @param said what ssh itself said, not the worker.
 * @returns the kind of the ending, and why it came, in words; null where the worker's own last words say it.
 */
export function explainEnding(
  host: RemoteHost,
  { code, signal }: Ending,
  said: string,
  command: string,
): { readonly kind: Ending['kind']; readonly why: string | null } {
  if (code === SSH_FAILED) {
    const fault = FAULTS.find(({ says }) => says.test(said));
    if (fault !== undefined) return { kind: fault.kind, why: fault.words(host) };
    const lastLine = said.trim().split('\n').at(-1) ?? '';
    return { kind: 'outage', why: `the connection was lost${lastLine && ` (${lastLine})`}` };
  }
  switch (code) {
    case NO_FOLDER:
      return { kind: 'final', why: `there is no folder ${host.dir} on the host: correct dir=` };
    case NOT_FOUND:
    case NOT_EXECUTABLE:
      return {
        kind: 'final',
        why: `the host's shell does not find "${command.split(' ')[0]}": install Node.js there, or say where it is with --command`,
      };
    case exitCodes.ok:
    case null:
      return { kind: undefined, why: signal === null ? null : `signal ${signal}` };
    default:
      return { kind: undefined, why: null };
  }
}

/** The command by which a person would see what ssh has to say. */
function byHand({ destination, port }: RemoteHost): string {
  return shellCommand(['ssh', ...(port === null ? [] : ['-p', String(port)]), destination]);
}
