import type { OptimizerConfig } from '@convoy/protocol/run-config';

export type OptimizerName = OptimizerConfig['name'];
export type SettingsOf<Name extends OptimizerName> = Extract<OptimizerConfig, { name: Name }>;

/** What an optimizer is made from. The learning rate is no part of it: every update is given its own. */
export type OptimizerSettings = WithoutRate<OptimizerConfig>;
type WithoutRate<Config> = Config extends unknown ? Omit<Config, 'learningRate'> : never;

/** Flat vectors of one length; a slot is what an optimizer keeps for each parameter from update to update. */
export interface OptimizerVectors {
  readonly parameters: Float32Array;
  readonly slots: Readonly<Record<string, Float32Array>>;
}

/** A stretch of the vectors that is updated in one go. */
export interface Part {
  readonly gradientSum: Float32Array;
  /** The gradient is the sum divided by this. */
  readonly divisor: number;
  readonly learningRate: number;
  /** Updates so far, this one included. */
  readonly updates: number;
  /** What the parameters are multiplied by before they move. */
  readonly keep: number;
  readonly from: OptimizerVectors;
  readonly into: OptimizerVectors;
}

/** One optimizer: what a table of optimizers says of it. Whoever adds one writes this, its schema and a line of the table. */
export interface UpdateRule<Config extends OptimizerConfig> {
  /** Keras's names and values. */
  readonly defaults: Config;
  /** The names of its slots, in the order of their files. */
  slots(settings: WithoutRate<Config>): readonly string[];
  /** Moves a part of the parameters and its slots, element by element: float64 between what is stored as float32. */
  update(part: Part, settings: WithoutRate<Config>): void;
}

/** What every optimizer has. Like Keras's, weight decay spares no tensor unless it is told to. */
export const undecayed = { weightDecay: 0, excludeFromWeightDecay: [], clipNorm: null };
