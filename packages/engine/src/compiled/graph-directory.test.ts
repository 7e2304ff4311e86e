import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GRAPH_FILE, withGraphDirectory } from './graph-directory.ts';

const bytes = new TextEncoder().encode('a graph');
let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'convoy-graphs-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const pathFor = (cacheDir: string, content = bytes) => withGraphDirectory(content, cacheDir, (directory) => directory);
const contentFor = (cacheDir: string) =>
  withGraphDirectory(bytes, cacheDir, (directory) => readFileSync(join(directory, GRAPH_FILE), 'utf8'));

describe('withGraphDirectory', () => {
  it('makes the cache where there is none, and leaves nothing beside the graph', () => {
    const cacheDir = join(folder, 'not', 'yet');
    expect(contentFor(cacheDir)).toBe('a graph');
    expect(readdirSync(pathFor(cacheDir))).toEqual([GRAPH_FILE]);
  });

  it('writes nothing the second time', () => {
    const file = join(pathFor(folder), GRAPH_FILE);
    const { ino, mtimeNs } = statSync(file, { bigint: true });
    expect(pathFor(folder)).toBe(join(file, '..'));
    expect(statSync(file, { bigint: true })).toMatchObject({ ino, mtimeNs });
  });

  it('has another directory for another graph', () => {
    expect(pathFor(folder, new TextEncoder().encode('a grape'))).not.toBe(pathFor(folder));
  });

  it.each(['a gra', 'A graph', ''])('replaces a damaged file: "%s"', (damaged) => {
    writeFileSync(join(pathFor(folder), GRAPH_FILE), damaged);
    expect(contentFor(folder)).toBe('a graph');
    expect(readFileSync(join(pathFor(folder), GRAPH_FILE), 'utf8')).toBe('a graph');
  });

  it("uses a temporary directory, and removes it, where the cache can't be", () => {
    const cacheDir = join(folder, 'a-file');
    writeFileSync(cacheDir, '');
    expect(contentFor(cacheDir)).toBe('a graph');
    expect(() => statSync(pathFor(cacheDir))).toThrow('ENOENT');
  });
});
