import { fileURLToPath } from 'node:url';

/**
 * Node's arguments that start a process of the program: its modules are built, and lie beside this one.
 * @param {string} entry
 * @returns {Promise<string[]>}
 */
export async function programArguments(entry = 'main') {
  return [fileURLToPath(new URL(`./${entry}.mjs`, import.meta.url))];
}
