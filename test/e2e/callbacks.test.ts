import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, serverPid } from '../support/run-watch.ts';
import { PACED_SHAPES, Pace } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Seven steps an epoch of four micro-batches; each of the first epochs is worse than the first by this measure. */
const RUN = [
  ...[...PACED_SHAPES, '--deterministic', '--seed', '7', '--epochs', '9', '--lr', '0.002', '--checkpoint-every', '3'],
  ...['--early-stopping', '2', '--restore-best', '--monitor', 'val_loss', '--mode', 'max', '--min-delta', '0.5'],
  ...['--reduce-lr-on-plateau', '1', '--factor', '0.5', '--json'],
];
const pace = new Pace(folder.path);

const pathOf = (name: string) => join(folder.path, name);

/** What the callbacks decided, without when. */
function decisionsOf(name: string): readonly object[] {
  const types = new Set<RunEvent['type']>(['learning-rate-reduced', 'early-stopped', 'best-restored']);
  return eventsOf(pathOf(name)).flatMap((event) => (types.has(event.type) ? [{ ...event, at: 0 }] : []));
}

it('callbacks decide after the same steps in one process, with two workers, and in a run whose server was killed', async () => {
  const single = summaryOf(await convoy(['train', ...RUN, '--single', '--run-dir', pathOf('single')]));
  expect(decisionsOf('single')).toMatchObject([
    { type: 'learning-rate-reduced', step: 14, from: 0.002, to: 0.001 },
    { type: 'learning-rate-reduced', step: 21, from: 0.001, to: 0.0005 },
    { type: 'early-stopped', step: 21 },
    { type: 'best-restored', step: 21, bestStep: 7, bestEpoch: 0 },
  ]);
  expect(single).toMatchObject({ outcome: 'completed', steps: 21, epochs: 3 });

  pace.slow();
  const killed = new Convoy(['train', ...RUN, '--workers', '2', '--run-dir', pathOf('killed')], pace.env);
  await eventOf(pathOf('killed'), 'checkpoint-saved', ({ step }) => step >= 9);
  process.kill(serverPid(pathOf('killed')), 'SIGKILL');
  await killed.finished;
  const checkpoints = readdirSync(join(pathOf('killed'), 'checkpoints')).filter((name) => name.startsWith('step-'));
  expect(readdirSync(join(pathOf('killed'), 'checkpoints', checkpoints.at(-1)!))).toContain('best-parameters.bin');
  const resumed = summaryOf(
    await convoy(['train', ...PACED_SHAPES, '--workers', '2', '--json', '--resume', pathOf('killed')]),
  );
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
