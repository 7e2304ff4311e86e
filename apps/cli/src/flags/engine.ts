import { InvalidArgumentError, Option, type Command } from 'commander';

export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--engine <name>', 'what computes: TensorFlow, or WASM where it does not load')
        .choices(['auto', 'tensorflow', 'wasm'])
        .default('auto')
        .env('CONVOY_ENGINE'),
    )
    .option(
      '--threads <n>',
      'threads per worker (default: the cores, shared among the workers of this machine)',
      (text) => {
        const value = Number(text);
        if (!Number.isSafeInteger(value) || value < 1)
          throw new InvalidArgumentError('It must be a whole number, 1 or more.');
        return value;
      },
    );
}
