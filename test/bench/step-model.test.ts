import { describe, expect, it } from 'vitest';
import { bestWorkers, fitConstants, predictStepMs, transferMs, type StepConstants } from './step-model.ts';

const constants: StepConstants = { updateMsPerMB: 1, serveMsPerMB: 2, serveMs: 0.5, workMsPerMB: 1, workMs: 0.25 };
/** 4 MB. */
const million = { parameters: 1e6, cores: null, gigabitsPerSecond: null, computeMs: 0 };

describe('the model of a step', () => {
  it('finds its constants in the processor times that they make', () => {
    const measured = [1e6, 5e6, 25e6].flatMap((parameters) =>
      [1, 4, 16].map((workers) => ({
        parameters,
        workers,
        serverCpuMs: (4 * parameters) / 1e6 + workers * ((8 * parameters) / 1e6 + 0.5),
        workerCpuMs: (4 * parameters) / 1e6 + 0.25,
      })),
    );
    const fitted = fitConstants(measured);
    for (const name of Object.keys(constants) as (keyof StepConstants)[]) {
      expect(fitted[name]).toBeCloseTo(constants[name], 6);
    }
  });

  it('with one worker is everything in sequence', () => {
    expect(predictStepMs(constants, { ...million, workers: 1, computeMs: 100 })).toBeCloseTo(100 + 4 + 8.5 + 4.25);
  });

  it('on shared cores is never shorter than its work divided among them', () => {
    const shape = { ...million, workers: 16 };
    expect(predictStepMs(constants, { ...shape, cores: 1 })).toBeCloseTo(4 + 16 * 8.5 + 16 * 4.25);
    expect(predictStepMs(constants, { ...shape, cores: 8 })).toBeCloseTo(4 + 16 * 8.5 + 4.25);
  });

  it('waits for the slower of the server and its link', () => {
    const shape = { ...million, gigabitsPerSecond: 1 };
    expect(transferMs(shape)).toBeCloseTo(64);
    expect(predictStepMs(constants, { ...shape, workers: 2 })).toBeCloseTo(4 + 128 + 4.25);
    expect(predictStepMs(constants, { ...shape, workers: 2, gigabitsPerSecond: 100 })).toBeCloseTo(4 + 17 + 4.25);
  });

  it('has its shortest step where one more worker costs what it saves', () => {
    const shape = { ...million, computeMs: 8.5 * 100 };
    const best = bestWorkers(constants, shape);
    expect(best).toBe(10);
    const stepMs = (workers: number) => predictStepMs(constants, { ...shape, workers });
    expect(stepMs(best)).toBeLessThan(Math.min(stepMs(best - 1), stepMs(best + 1)));
  });
});
