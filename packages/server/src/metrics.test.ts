import { describe, expect, it } from 'vitest';
import type { RunEvent, RunFact } from '@convoy/protocol/run-events';
import type { RunStatus } from '@convoy/protocol/run-status';
import { RunMetrics } from './metrics.ts';

const STATUS: RunStatus = {
  ...{ run: 'r', state: 'training', step: 12, totalSteps: 40, epoch: 1, loss: 0.5, learningRate: 0.1 },
  ...{ stepMs: 100, samplesPerSecond: 500, waitingFor: null, checkpoint: null, health: [], workers: [] },
};
const step = (number: number, stepMs: number): RunFact => ({
  ...{
    type: 'step',
    step: number,
    epoch: 1,
    samples: 50,
    loss: 0.5,
    accuracy: 0.75,
    learningRate: 0.1,
    gradientNorm: 2,
  },
  ...{ workers: 2, stepMs, busyShare: 0.9, bytesReceived: 1_000, bytesSent: 2_000 },
});
const evaluated: RunFact = {
  ...{ type: 'evaluated', purpose: 'validation', step: 12, epoch: 1, samples: 10, loss: 0.7, seconds: 1 },
  meanAbsoluteError: 3,
};

/** The samples that Prometheus would read, by name and labels. */
async function samplesOf(facts: readonly RunFact[], status = STATUS): Promise<Record<string, number>> {
  const metrics = new RunMetrics();
  for (const [i, fact] of facts.entries()) metrics.see({ at: 1_000 * i, ...fact } as RunEvent);
  const lines = (await metrics.text(status)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => /^(.*) (\S+)$/.exec(line)!.slice(1)).map(([name, value]) => [name, Number(value)]),
  );
}

describe("a run's metrics", () => {
  it('are those of its last step, in base units, and the sums over its steps', async () => {
    expect(await samplesOf([step(11, 100), step(12, 900)])).toMatchObject({
      convoy_step: 12,
      convoy_steps_planned: 40,
      'convoy_loss{split="training"}': 0.5,
      'convoy_metric{split="training",metric="accuracy"}': 0.75,
      convoy_gradient_norm: 2,
      convoy_samples_total: 100,
      convoy_received_bytes_total: 2_000,
      convoy_sent_bytes_total: 4_000,
      convoy_step_duration_seconds_sum: 1,
      convoy_step_duration_seconds_count: 2,
      'convoy_step_duration_seconds_bucket{le="0.1"}': 1,
      'convoy_run_state{state="training"}': 1,
      'convoy_run_state{state="ended"}': 0,
    });
  });

  it('leave out what is not known yet, and count what has not happened as 0', async () => {
    const samples = await samplesOf([]);
    expect(samples).toMatchObject({ convoy_steps_skipped_total: 0, convoy_samples_total: 0 });
    for (const name of ['convoy_learning_rate', 'convoy_checkpoint_step', 'convoy_epoch']) {
      expect(samples).not.toHaveProperty(name);
    }
  });

  it('have the last evaluation of each kind, and the metric of the run', async () => {
    expect(await samplesOf([evaluated])).toMatchObject({
      'convoy_loss{split="validation"}': 0.7,
      'convoy_metric{split="validation",metric="mean_absolute_error"}': 3,
    });
  });

  it('forget a worker that has left', async () => {
    const memory: RunFact = { type: 'memory', rank: 3, rssBytes: 5, tensors: 1, serverRssBytes: 9 };
    const left: RunFact = { type: 'worker-left', workerId: 'w', rank: 3, reason: 'asked to leave', workers: 0 };
    const name = 'convoy_worker_resident_memory_bytes{rank="3"}';
    expect(await samplesOf([memory])).toMatchObject({ [name]: 5 });
    const after = await samplesOf([memory, left]);
    expect(after).not.toHaveProperty([name]);
    expect(after).toMatchObject({ convoy_workers_left_total: 1 });
  });

  it('count the workers by their states', async () => {
    const about = { rank: 0, name: 'w', engine: 'e', origin: 'o', lease: null };
    const worker = { ...about, state: 'computing', samplesPerSecond: 7 } as const;
    expect(
      await samplesOf([], {
        ...STATUS,
        workers: [worker, { ...worker, rank: 1, state: 'away', samplesPerSecond: null }],
      }),
    ).toMatchObject({
      'convoy_workers{state="computing"}': 1,
      'convoy_workers{state="away"}': 1,
      'convoy_workers{state="idle"}': 0,
      'convoy_worker_samples_per_second{rank="0"}': 7,
    });
  });
});
