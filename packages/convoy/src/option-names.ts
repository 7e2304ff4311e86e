import { OperatorError } from '@convoy/protocol/errors';

/** What a flag of the command line is for programs, where it is not the flag's name in camel case. */
const OPTIONS: Readonly<Record<string, string>> = {
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

/** A flag, and the value that a message gives it if one of these is. */
const FLAG = /--([a-z][a-z-]*)(?: (\d[\d.]*\b|lesson-bn|newest|rollback|synthetic|wasm))?/g;

/** Rewrites a line for who runs a command into one for who calls a function: `--lr` becomes `optimizer.learningRate`. */
export function withOptionNames(line: string): string {
  return line.replaceAll(FLAG, (_, flag: string, value: string | undefined) => {
    const option = OPTIONS[flag] ?? flag.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    if (value === undefined) return option;
    return `${option}: ${Number.isNaN(Number(value)) ? `'${value}'` : value}`;
  });
}

/** Does what a program asked for. @throws what it throws; an OperatorError names options in place of flags. */
export async function forProgram<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const { message, exitCode, cause } = error;
    throw new OperatorError(withOptionNames(message), { exitCode, cause });
  }
}
