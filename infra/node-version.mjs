import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One line when this Node is older than `engines` in package.json asks for.
 *
 * @param {string} root
 * @param {string} version
 * @returns {string | undefined}
 */
export function nodeVersionFault(root, version) {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const least = engines.node.replace('>=', '');
  const numbers = (text) => text.split('.').map(Number);
  const [have, want] = [numbers(version), numbers(least)];
  const differs = want.findIndex((number, index) => number !== have[index]);
  if (differs === -1 || have[differs] > want[differs]) return undefined;
  return `Convoy needs Node ${least} or newer and this is ${version}: nvm install ${want[0]}, or see nodejs.org`;
}
