import type { RunEvent } from '@convoy/protocol/run-events';

/** What an evaluation took its samples for. */
export type ShownEvaluation = Extract<RunEvent, { readonly type: 'predictions' }>;

/** What a sample looks like. */
export interface SampleImage {
  readonly width: number;
  readonly height: number;
  /** An address that an `img` takes. */
  readonly address: string;
}

/** What the evaluations of a run took their samples for. */
export class PredictionList {
  /** In the order of their steps; of one step the validation first. */
  evaluations: readonly ShownEvaluation[] = [];
  readonly #images = new Map<string, SampleImage>();

  see(event: RunEvent): void {
    if (event.type === 'predictions') {
      const others = this.evaluations.filter(({ purpose, step }) => purpose !== event.purpose || step !== event.step);
      this.evaluations = [...others, event];
    } else if (event.type === 'sample-image') {
      const { purpose, index, width, height, png } = event;
      this.#images.set(keyOf(purpose, index), { width, height, address: `data:image/png;base64,${png}` });
    }
  }

  /** Undefined for a sample that is no image, or that there was no room for in the log. */
  imageOf({ purpose }: Pick<ShownEvaluation, 'purpose'>, index: number): SampleImage | undefined {
    return this.#images.get(keyOf(purpose, index));
  }

  /** Whether samples are images. */
  get hasImages(): boolean {
    return this.#images.size > 0;
  }

  /** What was done after that step is done again. */
  takeBack(step: number): void {
    this.evaluations = this.evaluations.filter((each) => each.step <= step);
  }
}

function keyOf(purpose: string, index: number): string {
  return `${purpose} ${index}`;
}
