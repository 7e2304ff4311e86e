import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RunEvent } from '@convoy/protocol/run-events';

/** The images of samples that a run's log has. */
export interface LoggedImages {
  /** See {@link imageKey}. */
  readonly keys: ReadonlySet<string>;
  /** All of them, as base64. */
  readonly bytes: number;
}

/** What an event must begin its line with to be an image. */
const IS_IMAGE = /^\{"at":\d+,"type":"sample-image"/;

/** Names a sample. @param index among those of the evaluation. */
export function imageKey(purpose: 'validation' | 'test', index: number): string {
  return `${purpose} ${index}`;
}

/** Which images need not be written again. @param path of the log, which must be there. */
export async function loggedImages(path: string): Promise<LoggedImages> {
  const keys = new Set<string>();
  let bytes = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!IS_IMAGE.test(line)) continue;
    const event = JSON.parse(line) as Extract<RunEvent, { type: 'sample-image' }>;
    keys.add(imageKey(event.purpose, event.index));
    bytes += event.png.length;
  }
  return { keys, bytes };
}
