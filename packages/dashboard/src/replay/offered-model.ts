/** A run's model that a page may try, as the door offers it. */
export interface OfferedModel {
  /** The name of the checkpoint that its parameters are of. */
  readonly checkpoint: string;
  readonly step: number;
  /** Whether it is the best by the figure that the run monitors; else it is the newest, and none has been validated. */
  readonly isBest: boolean;
  /** Of its weights. */
  readonly bytes: number;
  /** In the order of the outputs. */
  readonly classNames: readonly string[];
  /** Pixels along each side of its images, which are grey or red, green and blue. */
  readonly size: number;
  readonly channels: 1 | 3;
}
