import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolders } from '@convoy/protocol/make-folders';

const root = mkdtempSync(join(tmpdir(), 'convoy-folders-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('makeFolders', () => {
  it('makes a folder and those above it, and minds none that is there', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolders(path, 0o700);
    makeFolders(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const near = relative(process.cwd(), join(root, 'd', 'e'));
    makeFolders(near);
    expect(statSync(near).isDirectory()).toBe(true);
  });

  it('throws where a file or a link to nothing is in the way', () => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nothing'), join(root, 'link'));
    expect(() => makeFolders(join(root, 'file'))).toThrow('EEXIST');
    expect(() => makeFolders(join(root, 'file', 'below'))).toThrow('ENOTDIR');
    expect(() => makeFolders(join(root, 'link', 'below'))).toThrow('ENOENT');
  });

  it('ends where the system has no folders made', () => {
    if (!existsSync('/proc/self')) return console.info('NOT CHECKED: folders under /proc, which is not here');
    expect(() => makeFolders('/proc/convoy/a/b')).toThrow('ENOENT');
  });
});
