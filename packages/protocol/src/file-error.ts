import { OperatorError } from './errors.ts';

/** What a file system refuses with: the reason in words, and what the user can do about it. */
interface FileFault {
  readonly reason: string;
  readonly remedy: string;
}

const ELSEWHERE = 'name a place on another disk';

/** Whatever a path that a user names can bring up: errno(3), and Linux's manual pages of open, mkdir, rename and write. */
const FAULTS: Readonly<Record<string, FileFault>> = {
  ENOENT: { reason: 'there is no such file or folder', remedy: 'check the name' },
  ENOTDIR: { reason: 'a part of the path is a file, where a folder must be', remedy: 'check the name' },
  EISDIR: { reason: 'it is a folder, where a file must be', remedy: 'name a file' },
  EEXIST: { reason: 'something else of that name is there', remedy: 'name another place' },
  ENOTEMPTY: { reason: 'the folder is not empty', remedy: 'name another one' },
  EACCES: { reason: 'permission is denied', remedy: 'give this user the right to, or name another place' },
  EPERM: { reason: 'the system does not permit it', remedy: 'name another place' },
  EROFS: { reason: 'the disk is mounted read-only', remedy: ELSEWHERE },
  ENOSPC: { reason: 'the disk is full', remedy: `free some space, or ${ELSEWHERE}` },
  EDQUOT: { reason: "the user's share of the disk is used up", remedy: `free some space, or ${ELSEWHERE}` },
  EFBIG: { reason: 'the file would become too large', remedy: `raise the limit (ulimit -f), or ${ELSEWHERE}` },
  ENAMETOOLONG: { reason: 'the name is too long', remedy: 'name a shorter one' },
  ELOOP: { reason: 'its symbolic links lead in a circle', remedy: 'mend the links, or name another place' },
  EMFILE: { reason: 'this process has too many files open', remedy: 'raise the limit (ulimit -n)' },
  ENFILE: { reason: 'this machine has too many files open', remedy: 'end programs that have many' },
  EXDEV: { reason: 'it would have to move to another disk', remedy: 'name a place on the same disk' },
  EBUSY: { reason: 'another program uses it', remedy: 'end that program, or name another place' },
  ETXTBSY: { reason: 'it is a program that runs', remedy: 'name another place' },
  EIO: { reason: 'the disk fails', remedy: 'copy what is on it to another one' },
  ENXIO: { reason: 'it is no ordinary file', remedy: 'name a file' },
  ENODEV: { reason: 'it is no ordinary file', remedy: 'name a file' },
  ESPIPE: { reason: 'it is no ordinary file', remedy: 'name a file' },
  ENOTSUP: { reason: 'this kind of disk can not do that', remedy: ELSEWHERE },
  EOPNOTSUPP: { reason: 'this kind of disk can not do that', remedy: ELSEWHERE },
  ESTALE: { reason: 'the network disk has lost it', remedy: 'mount the disk again' },
  EHOSTDOWN: { reason: 'the network disk does not answer', remedy: 'mount the disk again' },
  ETIMEDOUT: { reason: 'the network disk does not answer', remedy: 'mount the disk again' },
};

export interface FileErrorOptions {
  readonly exitCode?: number;
  /** In place of what the user could do by the kind of the error alone. */
  readonly remedy?: string;
}

/**
 * What to throw when a file or folder that a user named can't be opened, read or written: one line that says which path, what is
 * wrong and what to do.
 * @param what was tried, with the path: "can't write to runs/x".
 * @returns an OperatorError for whatever a file system refuses with; anything else as it is, for it is no file's fault.
 */
export function fileError(error: unknown, what: string, { exitCode, remedy }: FileErrorOptions = {}): Error {
  const fault = faultOf(error);
  if (fault === null) return error as Error;
  const { code, path } = error as NodeJS.ErrnoException;
  // Where the fault lies if that is another place than the one named, or one within it.
  const named = what.split(' ').at(-1)!;
  const place = path === undefined || path.includes(named) ? '' : `, at ${path}`;
  const line = `${what}: ${fault.reason} (${code}${place}); ${remedy ?? fault.remedy}`;
  return new OperatorError(line, { ...(exitCode !== undefined && { exitCode }), cause: error });
}

/** The reason and the remedy of a file system's error alone: "the disk is full (ENOSPC): free some space …". Null for any other error. */
export function fileFaultText(error: unknown): string | null {
  const fault = faultOf(error);
  return fault === null ? null : `${fault.reason} (${(error as NodeJS.ErrnoException).code}): ${fault.remedy}`;
}

function faultOf(error: unknown): FileFault | null {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && Object.hasOwn(FAULTS, code) ? FAULTS[code]! : null;
}
