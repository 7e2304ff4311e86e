import { describe, expect, it } from 'vitest';
import { Health, isHealthy, type HealthSnapshot } from '@convoy/training/health/health';
import { MAX_ROLLBACKS } from './rollback.ts';
import { staying, type Kept, type RollbackTargets } from './retention.ts';

const TENSORS = [
  { name: 'a/bias', shape: [2], offset: 0, size: 2 },
  { name: 'b/bias', shape: [2], offset: 2, size: 2 },
  { name: 'out/bias', shape: [2], offset: 4, size: 2 },
];
const SETTINGS = { classes: 10, warmupSteps: 0, tensors: TENSORS };
const EVERY = 8;

const targets: RollbackTargets = {
  isExpected: (step) => step % EVERY === 0,
  trustedForGood: (health) => new Health(SETTINGS, health).trustedForGood,
};

const entry = (step: number, health: HealthSnapshot | null, score: number | null = null): Kept => ({
  name: `step-${step}`,
  step,
  revision: 0,
  score,
  health,
});

/** Numbers from 0 to 1, the same for the same seed: the top bits of a linear congruential generator (Numerical Recipes). */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Where the run would go back to now. */
function targetAmong(kept: readonly Kept[], health: Health): number {
  const { trustedUntil } = health;
  const found = kept.findLast(
    ({ step, health }) => targets.isExpected(step) && step <= trustedUntil && isHealthy(health),
  );
  return found?.step ?? 0;
}

/** A training that falls silent, guesses and explodes in stretches, and comes back. */
class ErraticTraining {
  readonly #random: () => number;
  #mood = 'fine';
  #left = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  step(health: Health, step: number): void {
    if (this.#left-- <= 0) {
      this.#mood = ['fine', 'fine', 'silent', 'half-silent', 'guessing', 'exploding'][Math.floor(6 * this.#random())]!;
      this.#left = Math.floor(50 * this.#random());
    }
    const isGuessing = this.#mood === 'guessing';
    const silent = { silent: [0, 1], 'half-silent': [0, 2] }[this.#mood] ?? [];
    health.stepped({
      step,
      samples: 64,
      correct: isGuessing ? 6 : 32,
      accuracy: isGuessing ? 6 / 64 : 0.5,
      loss: isGuessing ? 2.31 : 1.5,
      gradientNorm: this.#mood === 'exploding' ? 1000 : 1,
      silent,
      kernels: null,
    });
  }
}

describe('what stays', () => {
  it('is the newest, the best, and what is of a future that was given up', () => {
    const valid = [entry(10, null, 0.9), entry(20, null, 0.1), entry(30, null), entry(40, null), entry(50, null, 0.2)];
    const steps = [...staying(valid, 40, 2, null)].map(({ step }) => step);
    expect(steps.sort((a, b) => a - b)).toEqual([10, 30, 40, 50]);
  });

  it('is enough for every rollback to go where it would with all checkpoints kept', () => {
    let moves = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const random = randomly(seed);
      const training = new ErraticTraining(random);
      let health = new Health(SETTINGS);
      let all: Kept[] = [];
      let few: Kept[] = [];
      let last = 0;
      let rollbacks = 0;
      for (let step = 1; step <= 600; step++) {
        training.step(health, step);
        if (step % EVERY === 0) {
          const written = entry(step, health.snapshot());
          all.push(written);
          const stays = staying([...few, written], step, 1, targets);
          few = [...few, written].filter((kept) => stays.has(kept));
        }
        if (rollbacks === MAX_ROLLBACKS) break;
        const target = targetAmong(all, health);
        expect({ seed, step, target: targetAmong(few, health) }).toEqual({ seed, step, target });
        if (target < last) moves++;
        last = target;
        if (step > 150 && random() < 0.01) {
          rollbacks++;
          all = all.filter(({ step }) => step <= target);
          few = few.filter(({ step }) => step <= target);
          health = new Health(SETTINGS, all.at(-1)?.health ?? null);
          step = target;
        }
      }
    }
    // The case that it is about: what was trusted is so no more.
    expect(moves).toBeGreaterThan(30);
  });

  it('is a bounded number, however long the run', () => {
    const health = new Health(SETTINGS);
    const training = new ErraticTraining(randomly(5));
    let kept: Kept[] = [];
    let most = 0;
    for (let step = 1; step <= 20_000; step++) {
      training.step(health, step);
      if (step % EVERY !== 0) continue;
      const valid = [...kept, entry(step, health.snapshot())];
      const stays = staying(valid, step, 1, targets);
      kept = valid.filter((kept) => stays.has(kept));
      most = Math.max(most, kept.length);
    }
    expect(most).toBeLessThan(60);
  });
});
