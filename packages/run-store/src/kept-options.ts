import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { wholeBetween } from '@convoy/protocol/numbers';
import { writeAtomically } from './write-atomically.ts';

/** What a run is served with and does not compute with: a resume takes it from here unless it is given anew. */
const OPTIONS_FILE = 'options.json';

/** What is done about a collapse, in the order of how much it saves. */
export const COLLAPSE_ACTIONS = ['halt', 'rollback', 'continue'] as const;

const amount = v.nullable(v.pipe(v.number(), v.gtValue(0)));
const KeptOptionsSchema = v.object({
  /** In steps or in milliseconds. With neither, only at evaluations and at the end. */
  checkpointEvery: v.object({ steps: amount, ms: amount }),
  keepCheckpoints: wholeBetween(1, Number.MAX_SAFE_INTEGER),
  onCollapse: v.picklist(COLLAPSE_ACTIONS),
});
/** Options that decide where a collapsed run goes back to, so they belong to the run. */
export type KeptOptions = Readonly<v.InferOutput<typeof KeptOptionsSchema>>;

/**
 * A run's options: what is given now, else what the run had, else the defaults. They are kept for the next time.
 * @param onNote told in one line of each that differs from what the run had.
 * @throws OperatorError when the file is not what was written, or the disk refuses.
 */
export function keepOptions(
  folder: string,
  given: { readonly [Name in keyof KeptOptions]?: KeptOptions[Name] | undefined },
  defaults: KeptOptions,
  onNote: (line: string) => void,
): KeptOptions {
  const kept = readOptions(folder);
  const options: KeptOptions = {
    checkpointEvery: given.checkpointEvery ?? kept?.checkpointEvery ?? defaults.checkpointEvery,
    keepCheckpoints: given.keepCheckpoints ?? kept?.keepCheckpoints ?? defaults.keepCheckpoints,
    onCollapse: given.onCollapse ?? kept?.onCollapse ?? defaults.onCollapse,
  };
  for (const name of Object.keys(options) as (keyof KeptOptions)[]) {
    const [now, before] = [textOf(options[name]), kept && textOf(kept[name])];
    if (before !== null && now !== before) onNote(`${FLAGS[name]} is ${now} from now on; this run had ${before}`);
  }
  if (JSON.stringify(options) !== JSON.stringify(kept)) {
    try {
      writeAtomically(join(folder, OPTIONS_FILE), `${JSON.stringify(options, null, 2)}\n`);
    } catch (cause) {
      throw new OperatorError(`can't write ${join(folder, OPTIONS_FILE)}: ${(cause as Error).message}`, { cause });
    }
  }
  return options;
}

const FLAGS: Readonly<Record<keyof KeptOptions, string>> = {
  checkpointEvery: '--checkpoint-every',
  keepCheckpoints: '--keep-checkpoints',
  onCollapse: '--on-collapse',
};

/** As the command line takes it. */
function textOf(value: KeptOptions[keyof KeptOptions]): string {
  if (typeof value !== 'object') return String(value);
  if (value.steps !== null) return String(value.steps);
  return value.ms === null ? '0' : `${value.ms / 1000}s`;
}

/** Null in folders of new runs and of older versions. */
function readOptions(folder: string): KeptOptions | null {
  const path = join(folder, OPTIONS_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new OperatorError(`can't read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    return v.parse(KeptOptionsSchema, JSON.parse(text));
  } catch (cause) {
    const what = `${path} is not what was written: restore it, or remove it to start from the defaults`;
    throw new OperatorError(what, { exitCode: exitCodes.data, cause });
  }
}
