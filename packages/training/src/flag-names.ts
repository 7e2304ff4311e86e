/** The settings of a run that flags of the command line set under another name than their own in camel case. */
export const SETTINGS_OF_FLAGS: Readonly<Record<string, string>> = {
  'batch-size': 'globalBatchSize',
  'clip-norm': 'optimizer.clipNorm',
  dataset: 'dataset.name',
  lr: 'optimizer.learningRate',
  'micro-batch': 'microBatchSize',
  optimizer: 'optimizer.name',
  schedule: 'schedule.name',
  steps: 'maxSteps',
  warmup: 'schedule.warmup',
  'weight-decay': 'optimizer.weightDecay',
};

/** A flag's name in camel case, as options of programs and settings are written. */
export function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
