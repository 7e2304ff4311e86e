import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** How it is started on any machine: where it is installed, in a clone, and where npx has to fetch it. */
export const PROGRAM_ANYWHERE = ['npx', 'tfjs-convoy'];

/**
 * How this program is started from a folder. Where it is not installed, `npx convoy` would fetch another project's package of
 * that name; npx knows ours as `tfjs-convoy`.
 *
 * @param {string} folder
 * @returns {readonly string[]} words of a command line
 */
export function programName(folder = process.cwd()) {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', '.bin', 'convoy'))) return ['npx', 'convoy'];
    if (at === dirname(at)) return PROGRAM_ANYWHERE;
  }
}
