import { fileFaultText } from '@convoy/protocol/file-error';

/** What an operator can do about a disk that refused, in a few words. */
export function remedyFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${code}): free some space on it`;
    case 'EACCES':
    case 'EPERM':
      return `permission was refused (${code}): make the folder writable for this process`;
    case 'EROFS':
      return `the disk is mounted read-only (${code}): mount it for writing`;
    case 'EIO':
      return `the disk fails (${code}): save what is on it and resume the run from a copy on another`;
    case 'EMFILE':
    case 'ENFILE':
      return `this process has too many open files (${code}): raise the limit with ulimit -n`;
    default:
      return fileFaultText(error) ?? message;
  }
}
