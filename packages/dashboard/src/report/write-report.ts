import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { VERSION } from '@convoy/protocol/version';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { readConfig, readRunId } from '@convoy/run-store/run-folder';
import { writeAtomically } from '@convoy/run-store/write-atomically';
import { reportHtml } from './report-html.ts';
import { thinnedLog, type Limits } from './thinned-log.ts';

/** In the run's folder. */
export const REPORT_FILE = 'report.html';
/** A report's largest size, in bytes. */
export const MAX_REPORT_BYTES = 5_000_000;

/** One after another, until the report is small enough. */
const LIMITS: readonly Limits[] = [
  { steps: 20_000, ofAKind: 2_000 },
  { steps: 8_000, ofAKind: 500 },
  { steps: 3_000, ofAKind: 100 },
  { steps: 1_000, ofAKind: 10 },
];

/**
 * Writes a run's report, and replaces one that is there by the whole new one or not at all. The run may still be training.
 * @param path the run's `report.html` when absent.
 * @returns the path and the size. @throws OperatorError when the folder is no run's, or the file can't be written.
 */
export async function writeReport(
  folder: string,
  path = join(folder, REPORT_FILE),
): Promise<{ readonly path: string; readonly bytes: number }> {
  const config = readConfig(folder);
  const log = join(folder, EVENTS_FILE);
  let text: string;
  try {
    text = readFileSync(log, 'utf8');
  } catch (error) {
    throw fileError(error, `can't read ${log}`, { exitCode: exitCodes.data });
  }
  // A last line that is not whole is being written.
  const lines = text.slice(0, Math.max(0, text.lastIndexOf('\n'))).split('\n');
  const about = { name: readRunId(folder), config, writtenAt: Date.now(), version: VERSION };
  let html = '';
  for (const limits of LIMITS) {
    const { lines: kept, ...counts } = thinnedLog(lines, limits);
    html = await reportHtml({ ...about, ...counts, log: kept.join('\n') });
    if (html.length <= MAX_REPORT_BYTES) break;
  }
  try {
    writeAtomically(path, html);
  } catch (error) {
    // A disk that is full should not hold a part of it.
    rmSync(`${path}.partial`, { force: true });
    throw fileError(error, `can't write ${path}`);
  }
  return { path, bytes: Buffer.byteLength(html) };
}
