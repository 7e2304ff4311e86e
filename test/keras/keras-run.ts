/** The run that Keras and Convoy both make: synthetic images in the order of the files, no dropout. */
export const KERAS_RUN = {
  seed: 7,
  steps: 10,
  batchSize: 64,
  /** The fixture keeps every so many parameters; all of them enter its norms. */
  stride: 7,
} as const;
