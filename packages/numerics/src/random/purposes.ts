/**
 * The first component of every stream's path: what the draws are for. Two purposes never share a stream. The numbers are
 * part of a run's identity: never renumber one, only add.
 */
export const purposes = {
  permutation: 1,
  initialValues: 2,
  dropout: 3,
  synthetic: 4,
  augmentation: 5,
  selfTest: 6,
  chaos: 7,
  show: 8,
} as const;
