export type CurveName = 'trainingLoss' | 'validationLoss' | 'trainingMetric' | 'validationMetric';

/** A run's figures; those that are not told stay as they were. */
type Told = { readonly run: string } & Partial<Readonly<Record<CurveName, number | null>>>;

/**
 * What is under the crosshair of the charts, for a table beside them. The figures change with each movement of the pointer: who
 * listens writes them down, and nothing is rendered anew.
 */
export class CurveFigures {
  readonly #figures = new Map<string, number | null>();
  #listener: (() => void) | null = null;
  /** Else the figures are the last ones. */
  isUnderCrosshair = false;

  tell(figures: readonly Told[], isUnderCrosshair: boolean): void {
    for (const { run, ...values } of figures) {
      for (const [name, value] of Object.entries(values)) this.#figures.set(`${name} ${run}`, value);
    }
    this.isUnderCrosshair = isUnderCrosshair;
    this.#listener?.();
  }

  of(run: string, name: CurveName): number | null {
    return this.#figures.get(`${name} ${run}`) ?? null;
  }

  /** @returns what ends it. */
  listen(listener: () => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = null);
  }
}
