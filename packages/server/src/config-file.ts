import { readFileSync } from 'node:fs';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import type { Settings } from '@convoy/training/settings';

/**
 * The settings of a configuration file: any part of what a run's `config.json` has, which is one itself. They are checked when
 * they are layers of a configuration.
 * @throws OperatorError in one line when it can't be read or is not an object in JSON.
 */
export function readConfigFile(path: string): Settings {
  return parse(path, read(path));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError(cause, `can't read ${path}`, { remedy: 'a configuration is a file of JSON' });
  }
}

function parse(path: string, text: string): Settings {
  let settings: unknown;
  try {
    // The mark that some editors begin a file with.
    settings = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new OperatorError(`${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new OperatorError(`${path}: a configuration is an object of settings, like {"seed": 7}`);
  }
  return settings;
}
