// convoy train [--workers N | --single]   ·   convoy --help
import { Command } from 'commander';
import { VERSION } from '@convoy/protocol/version';
import { runProgram } from './program.ts';

/** In the order of the list. A command's module is loaded when it was asked for, and all of them for the list. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  resume: async () => (await import('./commands/resume.ts')).resumeCommand(),
  coordinator: async () => (await import('./commands/coordinator.ts')).coordinatorCommand(),
  worker: async () => (await import('./commands/worker.ts')).workerCommand(),
  launch: async () => (await import('./commands/launch.ts')).launchCommand(),
  chaos: async () => (await import('./commands/chaos.ts')).chaosCommand(),
  dashboard: async () => (await import('./commands/dashboard.ts')).dashboardCommand(),
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
  history: async () => (await import('./commands/history.ts')).historyCommand(),
  predict: async () => (await import('./commands/predict.ts')).predictCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
  runs: async () => (await import('./commands/runs.ts')).runsCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  drain: async () => (await import('./commands/operate.ts')).drainCommand(),
  checkpoint: async () => (await import('./commands/operate.ts')).checkpointCommand(),
  stop: async () => (await import('./commands/operate.ts')).stopCommand(),
  token: async () => (await import('./commands/token.ts')).tokenCommand(),
  checkpoints: async () => (await import('./commands/checkpoints.ts')).checkpointsCommand(),
  init: async () => (await import('./commands/init.ts')).initCommand(),
  summary: async () => (await import('./commands/summary.ts')).summaryCommand(),
  show: async () => (await import('./commands/show.ts')).showCommand(),
  recipes: async () => (await import('./commands/recipes.ts')).recipesCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
  setup: async () => (await import('./commands/setup.ts')).setupCommand(),
  data: async () => (await import('./commands/data.ts')).dataCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
};

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
