import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '@convoy/protocol/run-events';
import type { TensorTable } from '@convoy/protocol/tensor';
import { median } from '@convoy/training/health/verdict';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf } from '../support/run-watch.ts';
import { Pace, WIDE } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Four micro-batches a step, of a model whose gradient has statistics behind its slopes. */
const RUN = [...WIDE, '--deterministic', '--gradients', 'bfloat16', '--steps', '20'];
const pace = new Pace(folder.path);

const pathOf = (name: string) => join(folder.path, name);

function figuresOf({ parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied }: RunSummary) {
  return { parametersSha256, testLoss, testAccuracy, validationAccuracy, samplesApplied };
}

describe('a run with gradients in bfloat16', () => {
  let alone: RunSummary;
  beforeAll(async () => {
    alone = summaryOf(await convoy(['train', '--single', ...RUN, '--run-dir', pathOf('alone'), '--json']));
  });

  it('ends with the same bits with four workers, who send half the bytes of what they are sent', async () => {
    const run = pathOf('four');
    const all = ['--workers', '4', '--min-workers', '4', '--json'];
    // Each of the four takes one micro-batch of a step when computing takes all of them equally long.
    pace.slow();
    const summary = summaryOf(await convoy(['train', ...RUN, ...all, '--run-dir', run], pace.env));
    pace.full();
    expect(figuresOf(summary)).toEqual(figuresOf(alone));

    const { tensors } = JSON.parse(readFileSync(join(run, 'parameters.json'), 'utf8')) as { tensors: TensorTable };
    const bytesUp = tensors.reduce((sum, { size, momentum }) => sum + size * (momentum === undefined ? 2 : 4), 0);
    const bytesDown = tensors.reduce((sum, { size }) => sum + size * 4, 0);
    // Not of every step: where the machine is busy a block may be leased twice, and two of them together.
    const steps = eventsOf(run).filter((event) => event.type === 'step');
    expect(median(steps.map(({ bytesReceived }) => bytesReceived)) / (4 * bytesUp)).toBeCloseTo(1, 1);
    expect(median(steps.map(({ bytesSent }) => bytesSent)) / (4 * bytesDown)).toBeCloseTo(1, 1);
    expect(bytesUp / bytesDown).toBeCloseTo(0.5, 2);
  });

  it('ends with the same bits when one worker begins it and two resume it', async () => {
    const run = pathOf('resumed');
    const every = ['--checkpoint-every', '1', '--json'];
    pace.slow();
    const begun = new Convoy(['train', '--workers', '1', ...every, ...RUN, '--run-dir', run], pace.env);
    await eventOf(run, 'step', ({ step }) => step >= 2);
    begun.process.kill('SIGINT');
    expect((await begun.finished).code).toBe(130);
    const summary = summaryOf(await convoy(['train', '--workers', '2', ...every, ...WIDE, '--resume', run]));
    expect(figuresOf(summary)).toEqual(figuresOf(alone));
  });

  it('is another run than one in float32', async () => {
    const differing = RUN.map((argument) => (argument === 'bfloat16' ? 'float32' : argument));
    const { parametersSha256 } = summaryOf(
      await convoy(['train', '--single', ...differing, '--run-dir', pathOf('float32'), '--json']),
    );
    expect(parametersSha256).not.toBe(alone.parametersSha256);
  });
});
