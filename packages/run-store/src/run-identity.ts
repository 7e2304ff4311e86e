import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import type { RunConfig } from '@convoy/protocol/run-config';
import { digest } from './checkpoint.ts';
import { configDifference } from './extend-config.ts';
import { writeAtomically } from './write-atomically.ts';

/** What a run is from its making on; absent in folders of older versions. */
const IDENTITY_FILE = 'identity.json';

const IdentitySchema = v.strictObject({
  run: v.string(),
  /** As `config.json` had it when the run was made. */
  config: v.record(v.string(), v.unknown()),
  /** The digest of the configuration's JSON. */
  configSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/** Writes down what a new run is. @throws the file system's error. */
export function bindIdentity(folder: string, run: string, config: RunConfig): void {
  const identity = { run, config, configSha256: digest(JSON.stringify(config)) };
  writeAtomically(join(folder, IDENTITY_FILE), `${JSON.stringify(identity, null, 2)}\n`);
}

/**
 * Compares a run's configuration with what it was made with: before the first checkpoint nothing else knows.
 * @throws OperatorError naming the first field that was changed, or when the identity itself was.
 */
export function assertIdentity(folder: string, config: RunConfig): void {
  const path = join(folder, IDENTITY_FILE);
  const wrong = (what: string, cause?: unknown) => new OperatorError(what, { exitCode: exitCodes.data, cause });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fileError(cause, `can't read ${path}`, { exitCode: exitCodes.data });
  }
  let bound: v.InferOutput<typeof IdentitySchema>;
  try {
    bound = v.parse(IdentitySchema, JSON.parse(text));
    if (digest(JSON.stringify(bound.config)) !== bound.configSha256) throw new Error('its sha256 differs');
  } catch (cause) {
    throw wrong(`${path} was changed: restore it from a copy`, cause);
  }
  const difference = configDifference(bound.config, config);
  if (difference !== null) {
    throw wrong(`${join(folder, 'config.json')} was changed since the run was made (${difference}): put it back`);
  }
}
