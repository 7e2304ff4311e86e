import { bench, describe } from 'vitest';
import { testConfig } from '../config.fixture.ts';
import { planRun } from '../sampling.ts';
import { TaskSequence } from './task-sequence.ts';
import type { CoordinatorEffect, CoordinatorEvent } from './events.ts';
import { Coordinator } from './coordinator.ts';

/** Longer than any bench lasts. */
const STEPS = 1e6;

describe('decisions of a step', () => {
  for (const workers of [10, 100, 1000]) {
    bench(`of ${workers} workers, a lease and a result of each`, takeSteps(workers));
  }
});

/** A function that takes one step of a cluster that has been together for some. */
function takeSteps(workers: number): () => void {
  const data = { trainCount: 10 * workers, testCount: 1 };
  const config = testConfig({
    dataset: { name: 'synthetic', seed: 1, ...data },
    globalBatchSize: workers,
    microBatchSize: 1,
    validationSplit: 0,
    maxSteps: STEPS,
  });
  const plan = { ...planRun(config, data), testSamples: 0 };
  const coordinator = new Coordinator(new TaskSequence(config, plan));
  let nowMs = 0;
  let leases: Extract<CoordinatorEffect, { type: 'lease' }>[] = [];
  const tell = (event: CoordinatorEvent) => {
    for (const effect of coordinator.handle(event, nowMs)) {
      if (effect.type === 'lease') leases.push(effect);
      if (effect.type === 'commit') tell({ type: 'committed', task: effect.task.id });
    }
    // As a server does after every event.
    void coordinator.wakeAtMs;
  };
  const step = () => {
    nowMs += 100;
    const taken = leases;
    leases = [];
    for (const { workerId, task, block } of taken) {
      tell({ type: 'result-received', workerId, task: task.id, block, suspicion: null });
    }
  };
  for (let worker = 0; worker < workers; worker++) {
    tell({ type: 'worker-joined', workerId: String(worker), origin: 'here', holding: null });
  }
  for (let warm = 0; warm < 5; warm++) step();
  return step;
}
