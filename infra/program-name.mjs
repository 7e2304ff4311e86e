import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * How this program is started from a folder. Where it is not installed, `npx convoy` would fetch another project's package of
 * that name; npx knows ours as `tfjs-convoy`.
 *
 * @param {string} folder
 * @returns {string[]} words of a command line
 */
export function programName(folder = process.cwd()) {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', '.bin', 'convoy'))) return ['npx', 'convoy'];
    if (at === dirname(at)) return ['npx', 'tfjs-convoy'];
  }
}
