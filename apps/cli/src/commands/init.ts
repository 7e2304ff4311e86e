import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { programName } from '@convoy/infra/program-name';
import { OperatorError } from '@convoy/protocol/errors';
import { shellCommand } from '@convoy/convoy/shell-command';
import { SOURCES, writeStarter, type Source } from '../init/starter.ts';

interface InitFlags {
  readonly from?: Source;
  readonly js: boolean;
  readonly force: boolean;
}

const MEANINGS: Readonly<Record<Source, string>> = {
  images: 'images in folders, one folder per class',
  csv: 'a CSV file',
  arrays: 'arrays of numbers',
};

/** `init`: a workload to start from, with example data. */
export function initCommand(): Command {
  return new Command('init')
    .description('write a workload to start from: a model, and example data that it trains on')
    .argument('[folder]', 'where it goes', '.')
    .addOption(new Option('--from <data>', 'what your data are; asks when absent').choices(SOURCES))
    .option('--js', 'JavaScript instead of TypeScript', false)
    .option('--force', 'replace files that are already there', false)
    .addHelpText(
      'after',
      `
Data:
${SOURCES.map((source) => `  ${source.padEnd(8)} ${MEANINGS[source]}`).join('\n')}

Examples:
  $ convoy init my-model --from images
  $ convoy init . --from csv --js`,
    )
    .action(initialise);
}

async function initialise(folder: string, { from, js, force }: InitFlags): Promise<void> {
  const source = from ?? (await askForSource());
  const [workload, ...data] = await writeStarter({ folder, source, javaScript: js, force });
  const path = join(folder, workload!);
  process.stdout.write(`wrote ${[path, ...data.map((name) => join(folder, name))].join(' and ')}\n`);
  process.stdout.write(`next: ${shellCommand([...programName(), 'train', '--workload', path])}\n`);
}

/** @throws OperatorError when there is no terminal to ask on. */
async function askForSource(): Promise<Source> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new OperatorError(`name your data: --from ${SOURCES.join(', --from ')}`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const choices = SOURCES.map((source, index) => `  ${index + 1}  ${MEANINGS[source]}`).join('\n');
    const ended = new Promise<never>((_, reject) => {
      terminal.once('close', () => reject(new OperatorError('nothing was chosen, nothing was written')));
    });
    for (;;) {
      const question = terminal.question(`What are your data?\n${choices}\n1, 2 or 3: `);
      const answer = (await Promise.race([question, ended])).trim();
      const source = SOURCES[Number(answer) - 1] ?? SOURCES.find((name) => name === answer);
      if (source !== undefined) return source;
    }
  } finally {
    terminal.close();
  }
}
