import { readFileSync } from 'node:fs';
import { OperatorError } from '@convoy/protocol/errors';
import { resolveConfig } from '@convoy/training/config';
import type { Settings } from '@convoy/training/settings';

/**
 * The settings of a configuration file: any part of what a run's `config.json` has, which is one itself.
 * @param recipe the one they are over, if not the file's own.
 * @throws OperatorError in one line that names the file, the setting and what it must be.
 */
export function readConfigFile(path: string, recipe?: string): Settings {
  const settings = parse(path, read(path));
  try {
    resolveConfig(settings, { recipe });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`${path}: ${error.message}`, { cause: error });
  }
  return settings;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `there is no file ${path}` : `can't read ${path}: ${message}`;
    throw new OperatorError(`${reason}; --config takes a configuration as JSON`, { cause });
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
