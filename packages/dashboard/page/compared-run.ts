import type { Replay } from '../src/replay/replay.ts';

/** A run among those that are compared. */
export interface ComparedRun {
  readonly name: string;
  readonly replay: Replay;
  readonly config: unknown;
  /** A custom property of the style sheet. */
  readonly color: `--${string}`;
  /** There are fewer colours that everybody can tell apart than runs. */
  readonly isDashed: boolean;
  readonly isHidden: boolean;
}
