import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '@convoy/cifar10/cache-directory';
import { run } from './contenders.ts';

/** What the peers are, exactly: they are part of every figure. */
const REQUIREMENTS = ['torch==2.13.0', 'tensorflow-cpu==2.21.0', 'keras==3.15.1', 'numpy'];

/**
 * A Python with Keras, TensorFlow and PyTorch, installed by pip into Convoy's cache at the first call.
 * @returns the interpreter, or null where that can't be had, said in one line.
 */
export async function peerPython(say: (line: string) => void): Promise<string | null> {
  const home = join(
    cacheDirectory(process.env, process.platform),
    `peers-${REQUIREMENTS.join('-').replaceAll('==', '')}`,
  );
  const python = join(home, 'bin', 'python');
  if (existsSync(python)) return python;
  try {
    execFileSync('python3', ['-m', 'venv', '--help'], { stdio: 'ignore' });
  } catch {
    say('Keras, PyTorch and TensorFlow are left out: there is no python3 with venv');
    return null;
  }
  say(`installing ${REQUIREMENTS.join(', ')} (once; about 2 GB)`);
  const partial = `${home}.${process.pid}.partial`;
  try {
    mkdirSync(join(home, '..'), { recursive: true });
    await run('python3', ['-m', 'venv', partial]);
    await run(join(partial, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '--retries', '1', ...REQUIREMENTS]);
    renameSync(partial, home);
    return python;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    const reason = (error as Error).message.trim().split('\n').at(-1);
    say(`Keras, PyTorch and TensorFlow are left out: pip can't install them (${reason})`);
    return null;
  }
}
