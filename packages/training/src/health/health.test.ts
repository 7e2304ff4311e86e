import { describe, expect, it } from 'vitest';
import { Health, HealthSnapshotSchema, isHealthy, type HealthFact, type StepFigures } from './health.ts';
import { TENSORS, watchToyTraining } from './toy-training.fixture.ts';
import * as v from 'valibot';

const SETTINGS = { classes: 10, warmupSteps: 0, tensors: TENSORS };
const CHANCE_LOSS = Math.log(10);

function step(step: number, fields: Partial<StepFigures> = {}): StepFigures {
  return {
    step,
    samples: 64,
    correct: 32,
    loss: 1.5,
    accuracy: 0.5,
    gradientNorm: 1,
    silent: [],
    kernels: null,
    ...fields,
  };
}

const guess = { correct: 6, accuracy: 6 / 64, loss: CHANCE_LOSS + 0.003 };

/** Feeds steps `from` to `to`, all with the same figures. @returns what was found. */
function feed(health: Health, from: number, to: number, fields: Partial<StepFigures> = {}): HealthFact[] {
  const found: HealthFact[] = [];
  for (let i = from; i <= to; i++) found.push(...health.stepped(step(i, fields)));
  return found;
}

function kindsOf(facts: readonly HealthFact[]): string[] {
  return facts.map(({ type, kind }) => (type === 'health' ? kind : `${kind} cleared`));
}

describe("the lesson's run", () => {
  /** Its history: loss and accuracy in training, then in validation. */
  const EPOCHS = [
    [1.941, 0.2758, 2.3415, 0.1115],
    [1.5334, 0.4559, 2.3938, 0.1167],
    [1.5274, 0.4777, 2.3569, 0.1073],
    [1.646, 0.4775, 2.3047, 0.1077],
    [1.8871, 0.4425, 2.3066, 0.1029],
    [2.3049, 0.0993, 2.303, 0.0972],
    [2.3028, 0.0961, 2.3028, 0.0972],
  ] as const;
  const STEPS = 665;

  const health = new Health(SETTINGS);
  const found: HealthFact[] = [];
  for (const [epoch, [loss, accuracy, validationLoss, validationAccuracy]] of EPOCHS.entries()) {
    const end = (epoch + 1) * STEPS;
    for (let i = end - STEPS + 1; i <= end; i++) {
      // Whole samples that have the epoch's accuracy on average.
      const correct = Math.floor(accuracy * 64 * i) - Math.floor(accuracy * 64 * (i - 1));
      found.push(...health.stepped(step(i, { loss, correct, accuracy: correct / 64 })));
    }
    health.epochEnded({ step: end, loss, accuracy });
    found.push(...health.validated({ step: end, samples: 7500, loss: validationLoss, accuracy: validationAccuracy }));
  }

  it('is told at the end of its first epoch that validation knows nothing of what training learns', () => {
    expect(found[0]).toMatchObject({ kind: 'validation-at-chance', severity: 'alarm', step: STEPS });
  });

  it('is told of its collapse within the first fifty steps of the sixth epoch', () => {
    expect(kindsOf(found)).toEqual(['validation-at-chance', 'collapsed', 'validation-at-chance cleared']);
    const { since, step, evidence } = found[1] as Extract<HealthFact, { type: 'health' }>;
    expect(since).toBeGreaterThan(5 * STEPS - 16);
    expect(step).toBeLessThan(5 * STEPS + 64);
    expect(evidence).toMatch(/^loss 2\.30\d\d and accuracy 9\.\d\d % over 3072 samples, .* it had 1\.5274 and/);
    expect(health.collapse?.kind).toBe('collapsed');
  });
});

describe('trainings of a small network', () => {
  it('raise no alarm and make no note with any of 20 seeds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const found = watchToyTraining({ seed, steps: 250, learningRate: 0.005 });
      expect(found, `seed ${seed}`).toEqual([]);
    }
  });
});

describe('a training that guesses', () => {
  it('has collapsed after three chunks when it has been better', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 64)).toEqual([]);
    expect(feed(health, 65, 111, guess)).toEqual([]);
    expect(feed(health, 112, 112, guess)).toMatchObject([
      { kind: 'collapsed', severity: 'alarm', since: 65, step: 112 },
    ]);
    expect(feed(health, 113, 500, guess)).toEqual([]);
  });

  it('has collapsed whatever its loss is, if the accuracy is that of guessing', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 64);
    expect(kindsOf(feed(health, 65, 112, { ...guess, loss: NaN }))).toEqual(['collapsed']);
  });

  it('is not learning when 300 steps have not been enough', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 303, guess)).toEqual([]);
    expect(feed(health, 304, 304, guess)).toMatchObject([{ kind: 'not-learning', since: 1, step: 304 }]);
  });

  it('is not blamed for a warm-up', () => {
    const health = new Health({ ...SETTINGS, warmupSteps: 1000 });
    expect(feed(health, 1, 1311, guess)).toEqual([]);
    expect(kindsOf(feed(health, 1312, 1312, guess))).toEqual(['not-learning']);
  });

  it('is healthy again when it learns', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 304, guess);
    expect(kindsOf(feed(health, 305, 320))).toEqual(['not-learning cleared']);
    expect(health.collapse).toBeNull();
    expect(health.found).toHaveLength(1);
  });

  it('learns slowly when it is a little better than a guess for long', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 2000, { loss: 2.295, correct: 8, accuracy: 8 / 64 })).toEqual([]);
  });
});

describe('units', () => {
  /** The hidden layer has 24. */
  const all = Array.from({ length: 24 }, (_, unit) => unit);

  it('are dead after 32 steps without any gradient, and one chunk at chance is then a collapse', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 16);
    const found = feed(health, 17, 48, { ...guess, silent: all });
    expect(found).toMatchObject([
      { kind: 'dead-layer', severity: 'alarm', since: 17, step: 48 },
      { kind: 'collapsed', since: 17, step: 48 },
    ]);
  });

  it('are noted when half of a layer is dead, until most of them live again', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 32, { silent: all.slice(0, 12) })).toMatchObject([
      { kind: 'dead-units', severity: 'note', evidence: expect.stringMatching(/^12 of 24 units of hidden /) as string },
    ]);
    expect(feed(health, 33, 40, { silent: all.slice(0, 9) })).toEqual([]);
    expect(kindsOf(feed(health, 41, 41, { silent: all.slice(0, 8) }))).toEqual(['dead-units cleared']);
  });

  it('that are silent now and then are alive', () => {
    const health = new Health(SETTINGS);
    for (let i = 1; i <= 200; i++) expect(health.stepped(step(i, { silent: i % 31 === 0 ? [] : all }))).toEqual([]);
  });

  it('may be silent when there is nothing left to learn', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 200, { silent: all, loss: 0.01, correct: 64, accuracy: 1 })).toEqual([]);
  });
});

describe('gradients', () => {
  it('explode when their norm is fifty times the usual for four steps', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 40);
    expect(feed(health, 41, 43, { gradientNorm: 60 })).toEqual([]);
    expect(feed(health, 44, 44, { gradientNorm: 60 })).toMatchObject([
      { kind: 'exploding-gradient', severity: 'alarm', since: 41, step: 44 },
    ]);
    expect(kindsOf(feed(health, 45, 45))).toEqual(['exploding-gradient cleared']);
  });

  it('that jump for one step do not', () => {
    const health = new Health(SETTINGS);
    for (let i = 1; i <= 200; i++) {
      expect(health.stepped(step(i, { gradientNorm: i % 10 === 0 ? 500 : 1 }))).toEqual([]);
    }
  });

  const kernels = (first: number, last: number, change = 0.001) => [
    { name: 'hidden/kernel', gradient: first, change },
    { name: 'output/kernel', gradient: last, change },
  ];

  it('vanish when a layer has a thousandth of its early gradient while the loss is high', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 8, { kernels: kernels(0.01, 0.01) })).toEqual([]);
    expect(feed(health, 9, 12, { kernels: kernels(5e-6, 0.01) })).toMatchObject([
      { kind: 'vanishing-gradient', severity: 'alarm', since: 9, step: 12 },
    ]);
    const known = new Health(SETTINGS);
    feed(known, 1, 8, { kernels: kernels(0.01, 0.01) });
    expect(feed(known, 9, 12, { kernels: kernels(5e-6, 0.01), loss: 0.2 })).toEqual([]);
  });

  it('vanish when the first layer has a millionth of the last', () => {
    const health = new Health(SETTINGS);
    expect(kindsOf(feed(health, 1, 11, { kernels: kernels(1e-10, 0.01) }))).toEqual(['vanishing-gradient']);
  });

  it('make steps that are noted when they move a kernel by a tenth of its norm', () => {
    const health = new Health(SETTINGS);
    expect(feed(health, 1, 4, { kernels: kernels(0.01, 0.01, 0.15) })).toMatchObject([
      { kind: 'large-updates', severity: 'note', since: 1, step: 4 },
    ]);
  });
});

describe('validation', () => {
  it('that gets worse three times while training gets better is overfitting, which is a note', () => {
    const health = new Health(SETTINGS);
    const found: HealthFact[] = [];
    for (const [epoch, [training, validation]] of [
      [1.2, 1.0],
      [0.9, 0.85],
      [0.7, 0.9],
      [0.5, 0.95],
      [0.4, 1.0],
    ].entries()) {
      const step = 100 * (epoch + 1);
      health.epochEnded({ step, loss: training!, accuracy: 0.7 });
      found.push(...health.validated({ step, samples: 1000, loss: validation!, accuracy: 0.7 }));
    }
    expect(found).toMatchObject([{ kind: 'overfitting', severity: 'note', since: 300, step: 500 }]);
  });

  it('is not judged before moving statistics have settled', () => {
    const tensors = [...TENSORS, { name: 'n/moving_mean', shape: [1], offset: 562, size: 1, momentum: 0.99 }];
    const health = new Health({ ...SETTINGS, tensors });
    const validate = (step: number) => {
      health.epochEnded({ step, loss: 1.5, accuracy: 0.5 });
      return kindsOf(health.validated({ step, samples: 1000, loss: 2.4, accuracy: 0.1 }));
    };
    expect(validate(400)).toEqual([]);
    expect(validate(500)).toEqual(['validation-at-chance']);
  });
});

describe('a regression', () => {
  const REGRESSION = { ...SETTINGS, classes: null };
  const regressed = { ...guess, correct: null };

  it('is never told that it guesses, and trusts its checkpoints as another run does', () => {
    const health = new Health(REGRESSION);
    expect(feed(health, 1, 500, regressed)).toEqual([]);
    health.epochEnded({ step: 500, loss: 0.5 });
    expect(health.validated({ step: 500, samples: 1000, loss: 9 })).toEqual([]);
    expect(health.collapse).toBeNull();
    expect(health.trustedUntil).toBe(496 - 32);
  });

  it('has dead layers and exploding gradients', () => {
    const health = new Health(REGRESSION);
    const silent = Array.from({ length: 24 }, (_, unit) => unit);
    expect(kindsOf(feed(health, 1, 64, { ...regressed, silent }))).toEqual(['dead-layer']);
    expect(kindsOf(feed(health, 65, 68, { ...regressed, silent, gradientNorm: 60 }))).toEqual(['exploding-gradient']);
    expect(health.collapse).toBeNull();
  });

  it('may have small gradients when it has less than half of the loss of its first step', () => {
    for (const [loss, kinds] of [
      [60, ['vanishing-gradient']],
      [40, []],
    ] as const) {
      const health = new Health(REGRESSION);
      const kernels = (gradient: number) => [{ name: 'k', gradient, change: 0.001 }];
      feed(health, 1, 8, { ...regressed, loss: 100, kernels: kernels(0.01) });
      const kept: unknown = JSON.parse(JSON.stringify(health.snapshot()));
      const resumed = new Health(REGRESSION, v.parse(HealthSnapshotSchema, kept));
      expect(kindsOf(feed(resumed, 9, 12, { ...regressed, loss, kernels: kernels(5e-6) }))).toEqual(kinds);
    }
  });

  it('overfits as a classification does, also when it is resumed between two validations', () => {
    let health = new Health(REGRESSION);
    const found: HealthFact[] = [];
    for (const [epoch, validation] of [1.0, 1.1, 1.2, 1.3].entries()) {
      const step = 100 * (epoch + 1);
      health.epochEnded({ step, loss: 1 - epoch / 10 });
      health = new Health(REGRESSION, v.parse(HealthSnapshotSchema, JSON.parse(JSON.stringify(health.snapshot()))));
      found.push(...health.validated({ step, samples: 1000, loss: validation }));
    }
    expect(found).toMatchObject([{ kind: 'overfitting', severity: 'note', since: 200, step: 400 }]);
  });
});

describe('skipped steps', () => {
  it('are an alarm, a collapse when two are in a row, and history after a hundred steps', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 10);
    expect(health.skipped(11, 'the gradient is not finite')).toMatchObject([{ kind: 'not-finite', since: 11 }]);
    expect(health.collapse).toBeNull();
    expect(health.skipped(12, 'the gradient is not finite')).toEqual([]);
    expect(health.collapse).toMatchObject({ kind: 'not-finite', since: 11 });
    expect(feed(health, 13, 111)).toEqual([]);
    expect(kindsOf(feed(health, 112, 112))).toEqual(['not-finite cleared']);
  });
});

describe('a snapshot', () => {
  it('goes through JSON and makes the rest of the run say the same', () => {
    const whole = new Health(SETTINGS);
    const half = new Health(SETTINGS);
    const silent = [1, 5];
    for (const health of [whole, half])
      feed(health, 1, 90, { silent, kernels: [{ name: 'k', gradient: 1, change: 0.2 }] });
    const kept: unknown = JSON.parse(JSON.stringify(half.snapshot()));
    const resumed = new Health(SETTINGS, v.parse(HealthSnapshotSchema, kept));
    const rest = { ...guess, silent };
    expect(feed(resumed, 91, 400, rest)).toEqual(feed(whole, 91, 400, rest));
    expect(resumed.snapshot()).toEqual(whole.snapshot());
  });

  it('is read from checkpoints that call the severity of a finding its rank', () => {
    const health = new Health(SETTINGS);
    health.skipped(1, 'the gradient is not finite');
    const snapshot = health.snapshot();
    const older = JSON.stringify(snapshot).replaceAll('"severity":', '"rank":');
    expect(older).toContain('"rank":"alarm"');
    expect(v.parse(HealthSnapshotSchema, JSON.parse(older))).toEqual(snapshot);
  });

  it('is refused when a finding has no severity', () => {
    const health = new Health(SETTINGS);
    health.skipped(1, 'the gradient is not finite');
    const without = JSON.stringify(health.snapshot()).replaceAll('"severity":"alarm",', '');
    expect(v.is(HealthSnapshotSchema, JSON.parse(without))).toBe(false);
  });

  it('is healthy without a sign of guessing and without an alarm about the parameters', () => {
    const health = new Health(SETTINGS);
    feed(health, 1, 200);
    expect(isHealthy(health.snapshot())).toBe(true);
    expect(health.trustedUntil).toBe(192 - 32);
    health.epochEnded({ step: 200, loss: 1.5, accuracy: 0.5 });
    expect(kindsOf(health.validated({ step: 200, samples: 1000, loss: 2.31, accuracy: 0.1 }))).toHaveLength(1);
    expect(isHealthy(health.snapshot())).toBe(true);
    feed(health, 201, 224, guess);
    expect(isHealthy(health.snapshot())).toBe(false);
    expect(health.trustedUntil).toBe(208 - 32);
  });
});
