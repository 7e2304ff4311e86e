import { fileURLToPath } from 'node:url';
import { findInstallation } from './installation.mjs';

/**
 * The tfjs-node that this program computes with: the clone's. In the package it is `packaged/here.mjs`.
 *
 * @returns {Promise<import('./installation.mjs').Installation>}
 */
export function installationHere() {
  return findInstallation(fileURLToPath(new URL('../..', import.meta.url)));
}

/** In a clone nothing computes before `npm run setup`, and loading the engine says what it could not do. */
export const isSetUpAtFirstUse = false;
