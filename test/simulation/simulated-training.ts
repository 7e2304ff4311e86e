import type { EpochVerdict } from '@convoy/server/epoch-callbacks';
import type { Training } from '@convoy/server/training';
import { Plausibility } from '@convoy/server/results';
import { startCallbacks } from '@convoy/training/callbacks/callbacks';
import type { CoordinatorEvent } from '@convoy/training/coordinator/events';
import { RunFigures, type FiguresSnapshot } from '@convoy/training/figures';
import { PARAMETER_COUNT } from './arithmetic.ts';
import type { Ledger } from './ledger.ts';
import type { Problem } from './problem.ts';

const NOTHING: EpochVerdict = { facts: [], events: [] };

/** A training whose parameters are a ledger, and whose callbacks decide what the problem says. Its figures are the real ones. */
export class SimulatedTraining implements Training {
  readonly #problem: Problem;
  readonly #ledger: Ledger;
  readonly config: Training['config'];
  readonly plan: Training['plan'];
  readonly trainableCount = PARAMETER_COUNT;
  readonly parameters: Training['parameters'];
  readonly figures: RunFigures;
  readonly callbacks: Training['callbacks'];
  readonly health = null;
  readonly plausibility = new Plausibility('accuracy');
  readonly rollbackFactor = 1;

  /** @param figures those of the checkpoint that it is resumed from. */
  constructor(problem: Problem, ledger: Ledger, figures: FiguresSnapshot | null) {
    this.#problem = problem;
    this.#ledger = ledger;
    this.config = problem.config;
    this.plan = problem.plan;
    this.figures = new RunFigures('simulated', problem.plan, figures);
    this.parameters = {
      values: new Float32Array(PARAMETER_COUNT),
      update: (gradientSum, samples) => ledger.commit(gradientSum, samples),
    };
    this.callbacks = {
      state: startCallbacks(problem.config.optimizer.learningRate),
      stepDone: () => this.#decide('step'),
      validated: () => this.#decide('validation'),
    };
  }

  #decide(decider: 'step' | 'validation'): EpochVerdict {
    const { callbacks, plan } = this.#problem;
    const { step } = this.#ledger;
    const isEpochEnd = step % plan.stepsPerEpoch === 0 || step === plan.totalSteps;
    const isDecisive = decider === (plan.validationSamples > 0 ? 'validation' : 'step');
    if (callbacks === null || !isEpochEnd || !isDecisive) return NOTHING;
    const events: CoordinatorEvent[] = [];
    if (this.#ledger.epochDecided()) events.push({ type: 'parameters-replaced' });
    if (step === callbacks.stopAfter && step < plan.totalSteps) {
      events.push({ type: 'training-ended', reason: 'it is good enough' });
    }
    return { facts: [], events, isSaved: callbacks.saves[step]! };
  }
}
