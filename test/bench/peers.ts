import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '@convoy/model/cache-directory';
import { run } from './processes.ts';

/** What the peers are, exactly: they are part of every figure. */
const REQUIREMENTS = ['torch==2.13.0', 'tensorflow-cpu==2.21.0', 'keras==3.15.1', 'numpy'];

/** The interpreter that has the peers, or why there is none. */
export type PeerPython =
  { readonly python: string; readonly reason: null } | { readonly python: null; readonly reason: string };

/** A download of 2 GB on a slow line. */
const INSTALLED_WITHIN_MS = 60 * 60_000;

/** A Python with Keras, TensorFlow and PyTorch, installed by pip into Convoy's cache at the first call. */
export async function peerPython(say: (line: string) => void): Promise<PeerPython> {
  const installed = installedPeerPython();
  if (installed !== null) return { python: installed, reason: null };
  const home = peerHome();
  try {
    execFileSync('python3', ['-m', 'venv', '--help'], { stdio: 'ignore' });
  } catch {
    return { python: null, reason: 'there is no python3 with venv' };
  }
  say(`installing ${REQUIREMENTS.join(', ')} (once; about 2 GB)`);
  const partial = `${home}.${process.pid}.partial`;
  try {
    mkdirSync(join(home, '..'), { recursive: true });
    await run('python3', ['-m', 'venv', partial]);
    const pip = ['-m', 'pip', 'install', '-q', '--retries', '1', ...REQUIREMENTS];
    await run(join(partial, 'bin', 'python'), pip, INSTALLED_WITHIN_MS);
    renameSync(partial, home);
    return { python: pythonIn(home), reason: null };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    return { python: null, reason: `pip can't install ${REQUIREMENTS.join(', ')}: ${(error as Error).message}` };
  }
}

/** The interpreter of an earlier {@link peerPython}, or null. */
export function installedPeerPython(): string | null {
  const python = pythonIn(peerHome());
  return existsSync(python) ? python : null;
}

function peerHome(): string {
  const name = `peers-${REQUIREMENTS.join('-').replaceAll('==', '')}`;
  return join(cacheDirectory(process.env, process.platform), name);
}

function pythonIn(home: string): string {
  return join(home, 'bin', 'python');
}
