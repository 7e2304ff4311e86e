import { countOf } from '@convoy/protocol/event-words';
import type { HealthFinding, RunEvent } from '@convoy/protocol/run-events';
import type { RunStatus } from '@convoy/protocol/run-status';
import { median } from '@convoy/training/health/verdict';

/** Steps that the speed is taken from. */
const RECENT_STEPS = 20;

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** Sees a run's events and says how it stands: what a reader of events.jsonl knows, at any moment. */
export class RunWatch {
  #run = '';
  #step = 0;
  #totalSteps = 0;
  #state: Exclude<RunStatus['state'], 'ended'> = 'opening';
  #waitingFor: string | null = null;
  #isEvaluating = false;
  #checkpoint: RunStatus['checkpoint'] = null;
  readonly #recent: StepEvent[] = [];
  readonly #health = new Map<string, HealthFinding>();

  see(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
      case 'run-resumed':
        this.#run = event.run;
        this.#totalSteps = event.totalSteps;
        this.#step = event.type === 'run-resumed' ? event.step : 0;
        this.#recent.length = 0;
        this.#isEvaluating = false;
        return;
      case 'waiting':
        this.#state = 'waiting';
        this.#waitingFor = `workers: ${event.workers} of ${event.minWorkers} are here`;
        return;
      case 'paused':
        this.#state = 'paused';
        this.#waitingFor = 'an operator: convoy unpause goes on';
        return;
      case 'resumed':
        this.#goOn();
        return;
      case 'evaluation-started':
        this.#isEvaluating = true;
        this.#goOn();
        return;
      case 'stalled':
        this.#waitingFor = stallText(event);
        return;
      case 'step':
        this.#isEvaluating = false;
        this.#goOn();
        this.#step = event.step;
        this.#recent.push(event);
        if (this.#recent.length > RECENT_STEPS) this.#recent.shift();
        return;
      case 'evaluated':
        this.#isEvaluating = false;
        this.#goOn();
        return;
      case 'checkpoint-saved':
        this.#checkpoint = { step: event.step, path: event.path, atMs: event.at };
        return;
      case 'health': {
        const { at: _at, type: _type, ...finding } = event;
        this.#health.set(event.kind, finding);
        return;
      }
      case 'health-cleared':
        this.#health.delete(event.kind);
        return;
      case 'rolled-back':
        this.#health.clear();
        return;
    }
  }

  #goOn(): void {
    this.#state = this.#isEvaluating ? 'evaluating' : 'training';
    this.#waitingFor = null;
  }

  /** @param ended why the run is over; null while it is not. */
  status(ended: string | null): Omit<RunStatus, 'workers'> {
    const last = this.#recent.at(-1);
    const stepMs = medianOf(this.#recent.map((step) => step.stepMs));
    const samples = medianOf(this.#recent.map((step) => step.samples));
    return {
      run: this.#run,
      state: ended === null ? this.#state : 'ended',
      step: this.#step,
      totalSteps: this.#totalSteps,
      epoch: last?.epoch ?? null,
      loss: last?.loss ?? null,
      learningRate: last?.learningRate ?? null,
      stepMs,
      samplesPerSecond: stepMs === null || samples === null || stepMs === 0 ? null : (1_000 * samples) / stepMs,
      waitingFor: ended ?? this.#waitingFor,
      checkpoint: this.#checkpoint,
      health: [...this.#health.values()],
    };
  }
}

function stallText({ work, step, waitingFor, freeLeaves }: Extract<RunEvent, { type: 'stalled' }>): string {
  const workers = waitingFor.map(({ rank, forMs, why }) => `worker ${rank} (${why}, ${Math.round(forMs / 1_000)} s)`);
  const free = freeLeaves === 0 ? [] : [`somebody to compute ${countOf(freeLeaves, 'micro-batch')}`];
  return `step ${step}, ${work}: ${[...workers, ...free].join(', ')}`;
}

function medianOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values);
}
