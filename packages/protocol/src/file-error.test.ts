import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { exitCodes, OperatorError } from './errors.ts';
import { fileError, fileFaultText } from './file-error.ts';

function refusal(code: string, path?: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: some words, open '${path}'`), { code, path, syscall: 'open' });
}

const OF_FILES = [
  'EACCES', 'EROFS', 'ENOTDIR', 'EISDIR', 'ENOSPC', 'EDQUOT', 'ENAMETOOLONG', 'ELOOP', 'EMFILE', 'ENFILE', 'EXDEV', 'EPERM',
  'ENOENT', 'EEXIST', 'ENOTEMPTY', 'EIO', 'EFBIG', 'EBUSY', 'ESTALE',
]; // prettier-ignore

describe('fileError', () => {
  it.each(OF_FILES)('makes one line of %s, with the path and what to do, which is the operator’s to mend', (code) => {
    expect(constants.errno).toHaveProperty(code);
    const error = fileError(refusal(code, 'runs/x'), "can't write to runs/x");
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toMatch(new RegExp(`^can't write to runs/x: [^;]+ \\(${code}\\); [^\n]+$`));
  });

  it('names the place where the fault lies when that is another one', () => {
    const error = fileError(refusal('EACCES', '/srv'), "can't make /srv/runs/x", {
      exitCode: exitCodes.data,
      remedy: 'go',
    });
    expect(error.message).toBe("can't make /srv/runs/x: permission is denied (EACCES, at /srv); go");
    expect((error as OperatorError).exitCode).toBe(exitCodes.data);
  });

  it('leaves an error as it is that no file system gives', () => {
    for (const error of [new TypeError('x'), refusal('ERR_INVALID_ARG_TYPE'), new OperatorError('known')]) {
      expect(fileError(error, 'x')).toBe(error);
      expect(fileFaultText(error)).toBeNull();
    }
  });
});

describe('fileFaultText', () => {
  it('has the reason and the remedy', () => {
    expect(fileFaultText(refusal('EMFILE'))).toBe(
      'this process has too many files open (EMFILE): raise the limit (ulimit -n)',
    );
  });
});
