import { describe, expect, it } from 'vitest';
import { Health } from './health.ts';

const regression = () => new Health({ classes: null, warmupSteps: 0, tensors: [] });
const figures = { samples: 64, correct: null, gradientNorm: 1, silent: [], kernels: null };
const kinds = (facts: readonly { readonly type: string; readonly kind: string }[]) =>
  facts.map(({ type, kind }) => `${type} ${kind}`);

describe('a training that runs away', () => {
  it('is an alarm when a step has a loss far beyond the first, overflow too, and is over when the loss is back', () => {
    for (const loss of [2.8e26, Infinity]) {
      const health = regression();
      expect(health.stepped({ ...figures, step: 1, loss: 400 })).toEqual([]);
      expect(health.stepped({ ...figures, step: 2, loss: 4e5 })).toEqual([]);
      expect(kinds(health.stepped({ ...figures, step: 3, loss }))).toEqual(['health diverged']);
      expect(health.stepped({ ...figures, step: 4, loss })).toEqual([]);
      expect(health.found).toMatchObject([{ kind: 'diverged', severity: 'alarm', since: 3 }]);
      expect(kinds(health.stepped({ ...figures, step: 5, loss: 399 }))).toEqual(['health-cleared diverged']);
    }
  });

  it('is an alarm when the validation is far beyond what a model has that knows nothing', () => {
    const health = regression();
    health.stepped({ ...figures, step: 1, loss: 1 });
    health.epochEnded({ step: 10, loss: 1.5 });
    expect(health.validated({ step: 10, loss: 90, samples: 100 })).toEqual([]);
    expect(kinds(health.validated({ step: 20, loss: 1e5, samples: 100 }))).toEqual(['health diverged']);
    expect(health.found[0]!.evidence).toBe(
      'the validation has the loss 1.00e+5, where a model that knows nothing has 1.00',
    );
  });

  it('is none of a run that learns, whatever its scale', () => {
    const health = regression();
    for (const [step, loss] of [1e6, 8e5, 2e6, 1e3, 5, 1e-3, 0.1].entries()) {
      expect(health.stepped({ ...figures, step: step + 1, loss })).toEqual([]);
    }
  });
});
