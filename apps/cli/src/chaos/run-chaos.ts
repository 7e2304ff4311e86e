import { appendFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { makeFolders } from '@convoy/protocol/make-folders';
import { ConvoyProcess, howItEnded, summaryOf } from './child.ts';
import { runDisturbed, type ChaosOptions } from './disturbed-run.ts';
import { EventTail } from './event-tail.ts';
import { makeReport, type ChaosReport, type RunRecord } from './report.ts';
import { collapseArguments, engineArguments, runArguments } from './run-arguments.ts';

/**
 * Trains while it disturbs, then trains the same without, and compares.
 * @throws OperatorError when one of the two runs could not be had at all, with the seeds that replay it.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { flags, folder, onLine } = options;
  try {
    makeFolders(resolve(folder));
  } catch (error) {
    throw fileError(error, `can't make the folder ${folder}`, { remedy: 'choose another with --run-dir' });
  }
  const { journal, counts, violations, ...disturbed } = await runDisturbed(options);
  onLine(
    `the disturbed run ended after ${countOf(disturbed.summary.steps, 'step')}; now the same without faults, in one process`,
  );
  const undisturbed = await runUndisturbed(options, disturbed.summary.steps);
  const { seed, chaosSeed } = flags;
  const report = makeReport({ disturbed, undisturbed, journal, counts, violations, seed, chaosSeed, folder });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify({ ...report, journal }, null, 2)}\n`);
  return report;
}

/** The same configuration in one process. */
async function runUndisturbed(
  { flags, main, folder, signal, onStatus }: ChaosOptions,
  steps: number,
): Promise<RunRecord> {
  const runFolder = join(folder, 'undisturbed');
  const args = [
    ...runArguments(flags, flags.duration === undefined ? flags.steps : steps),
    ...collapseArguments(flags),
    ...engineArguments(flags),
  ];
  const child = new ConvoyProcess(
    main,
    ['train', '--single', '--json', '--checkpoint-every', '0', ...args, '--run-dir', runFolder],
    (line) => appendFileSync(join(folder, 'processes.log'), `${new Date().toISOString()} undisturbed: ${line}\n`),
  );
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  const tail = new EventTail(join(runFolder, 'events.jsonl'), (event) => {
    if (event.type === 'step') onStatus(`undisturbed: step ${event.step} of ${steps}`);
  });
  const end = await child.ended;
  tail.close();
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  const summary = summaryOf(end);
  if (summary === null || end.code !== 0) {
    throw new OperatorError(
      `the undisturbed run failed (${howItEnded(end)}), so there is nothing to compare with:\n    ${child.lastWords}`,
      { exitCode: end.code ?? exitCodes.internal },
    );
  }
  return { events: tail.events, summary };
}
