// convoy train [--workers N | --single]   ·   convoy --help
import { Command } from 'commander';
import { chaosCommand } from './commands/chaos.ts';
import { checkpointsCommand } from './commands/checkpoints.ts';
import { coordinatorCommand } from './commands/coordinator.ts';
import { dataCommand } from './commands/data.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { historyCommand } from './commands/history.ts';
import { predictCommand } from './commands/predict.ts';
import { showCommand } from './commands/show.ts';
import { summaryCommand } from './commands/summary.ts';
import { trainCommand } from './commands/train.ts';
import { workerCommand } from './commands/worker.ts';
import { runProgram } from './program.ts';

// Whoever read the output is gone (a closed pipe, a lost terminal): the run still saves its parameters.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const program = new Command('convoy')
  .description('Distributed training for TensorFlow.js whose result does not depend on the cluster.')
  .version('0.1.0')
  .addCommand(trainCommand())
  .addCommand(coordinatorCommand())
  .addCommand(workerCommand())
  .addCommand(chaosCommand())
  .addCommand(evaluateCommand())
  .addCommand(historyCommand())
  .addCommand(predictCommand())
  .addCommand(checkpointsCommand())
  .addCommand(summaryCommand())
  .addCommand(showCommand())
  .addCommand(dataCommand())
  .addCommand(doctorCommand())
  .addHelpText(
    'after',
    `
Examples:
  $ convoy train --recipe quick --workers 2     a server and two workers on this machine
  $ convoy train --single --steps 20            everything in one process
  $ convoy coordinator --host 0.0.0.0           then, on other machines, the command it prints`,
  );

await runProgram(program);
