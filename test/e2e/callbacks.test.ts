import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, serverPid } from '../support/run-watch.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Four steps an epoch of two micro-batches; each of the first epochs is worse than the first by this measure. */
const RUN = [
  ...[
    '--deterministic',
    '--dataset',
    'synthetic',
    '--synthetic-size',
    '80',
    '--seed',
    '7',
    '--epochs',
    '9',
    '--lr',
    '0.002',
  ],
  ...['--batch-size', '16', '--micro-batch', '8', '--validation-split', '0.2', '--checkpoint-every', '3', '--json'],
  ...['--early-stopping', '2', '--restore-best', '--monitor', 'val_loss', '--mode', 'max', '--min-delta', '0.5'],
  ...['--reduce-lr-on-plateau', '1', '--factor', '0.5'],
];

const pathOf = (name: string) => join(folder.path, name);

/** What the callbacks decided, without when. */
function decisionsOf(name: string): readonly object[] {
  const types = new Set<RunEvent['type']>(['learning-rate-reduced', 'early-stopped', 'best-restored']);
  return eventsOf(pathOf(name)).flatMap((event) => (types.has(event.type) ? [{ ...event, at: 0 }] : []));
}

it('callbacks decide after the same steps in one process, with two workers, and in a run whose server was killed', async () => {
  const single = summaryOf(await convoy(['train', ...RUN, '--single', '--run-dir', pathOf('single')]));
  expect(decisionsOf('single')).toMatchObject([
    { type: 'learning-rate-reduced', step: 8, from: 0.002, to: 0.001 },
    { type: 'learning-rate-reduced', step: 12, from: 0.001, to: 0.0005 },
    { type: 'early-stopped', step: 12 },
    { type: 'best-restored', step: 12, bestStep: 4, bestEpoch: 0 },
  ]);
  expect(single).toMatchObject({ outcome: 'completed', steps: 12, epochs: 3 });

  const killed = new Convoy(['train', ...RUN, '--workers', '2', '--run-dir', pathOf('killed')]);
  await eventOf(pathOf('killed'), 'checkpoint-saved', ({ step }) => step >= 6);
  process.kill(serverPid(pathOf('killed')), 'SIGKILL');
  await killed.finished;
  const checkpoints = readdirSync(join(pathOf('killed'), 'checkpoints')).filter((name) => name.startsWith('step-'));
  expect(readdirSync(join(pathOf('killed'), 'checkpoints', checkpoints.at(-1)!))).toContain('best-parameters.bin');
  const resumed = summaryOf(await convoy(['train', '--workers', '2', '--json', '--resume', pathOf('killed')]));
  const { parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied, steps } = single;
  expect(resumed).toMatchObject({
    parametersSha256,
    testLoss,
    testAccuracy,
    validationAccuracy,
    samplesApplied,
    steps,
  });
  // What came after the checkpoint was decided again.
  expect(new Set(decisionsOf('killed').map((event) => JSON.stringify(event)))).toEqual(
    new Set(decisionsOf('single').map((event) => JSON.stringify(event))),
  );
});
