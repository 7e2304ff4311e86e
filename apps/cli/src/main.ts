// convoy train [--workers N | --single]   ·   convoy --help
import { Command } from 'commander';
import { VERSION } from '@convoy/protocol/version';
import { commands } from './commands/all.ts';
import { runProgram } from './program.ts';

const program = new Command('convoy')
  .description('Distributed training for TensorFlow.js whose result does not depend on the cluster.')
  .version(VERSION)
  .addHelpText(
    'after',
    `
Examples:
  $ convoy train --recipe quick --workers 2     a server and two workers on this machine
  $ convoy train --single --steps 20            everything in one process
  $ convoy coordinator --recipe lesson          then, on other machines, the command it prints`,
  );

const asked = process.argv[2] ?? '';
const needed = Object.hasOwn(commands, asked) ? [asked] : Object.keys(commands);
for (const command of await Promise.all(needed.map((name) => commands[name]!()))) program.addCommand(command);

await runProgram(program);
