import { existsSync, mkdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheDirectory } from '@convoy/model/cache-directory';
import type { RunSummary } from '@convoy/protocol/run-events';
import { PROGRAM, temporaryFolder } from '../support/convoy.ts';
import { ended } from '../support/ended.ts';

/** The lines of Node that the README names, each in one version: the npm package of that name holds nothing but the binary. */
const VERSIONS = ['22.23.5', '24.22.3', '26.12.1'];
const PANELS = fileURLToPath(new URL('../../examples/workloads/panels.ts', import.meta.url));

const folder = temporaryFolder();
afterAll(folder.remove);

/** Trains a few steps in this Node. @returns the digest of the parameters. */
async function digestIn(node: string, name: string): Promise<string> {
  const args = ['train', '--workload', PANELS, '--steps', '20', '--seed', '7', '--deterministic', '--json'];
  const program = spawn(node, [PROGRAM, ...args, '--single', '--run-dir', join(folder.path, name)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 240_000,
  });
  const { code, stdout, stderr } = await ended(program);
  if (code !== 0) throw new Error(`${node} ended with ${code}:\n${stderr}`);
  return (JSON.parse(stdout) as RunSummary).parametersSha256;
}

/** The binary of a version, from the cache or from npm. @returns null when it can't be had. */
async function nodeOf(version: string): Promise<string | null> {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(cacheDirectory(process.env, process.platform), `node-${version}`);
  const binary = join(prefix, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(prefix, { recursive: true });
  const options = ['--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'];
  const npm = spawn('npm', ['install', ...options, `${name}@${version}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  const { code, stderr } = await ended(npm);
  if (code === 0 && existsSync(binary)) return binary;
  const reason = stderr.trim().split('\n')[0] ?? `npm ended with ${code}`;
  console.info(`NOT CHECKED: Node ${version}, which npm could not install: ${reason}`);
  return null;
}

describe('another Node', () => {
  const here = digestIn(process.execPath, 'here');

  it.each(VERSIONS)('%s trains to the same parameters', async (version) => {
    const node = await nodeOf(version);
    if (node === null) return;
    expect(await digestIn(node, version)).toBe(await here);
  });
});
