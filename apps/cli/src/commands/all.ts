import type { Command } from 'commander';

/** In the order of the list. A command's module is loaded when it was asked for, and all of them for the list. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('./train.ts')).trainCommand(),
  resume: async () => (await import('./resume.ts')).resumeCommand(),
  coordinator: async () => (await import('./coordinator.ts')).coordinatorCommand(),
  worker: async () => (await import('./worker.ts')).workerCommand(),
  launch: async () => (await import('./launch.ts')).launchCommand(),
  chaos: async () => (await import('./chaos.ts')).chaosCommand(),
  dashboard: async () => (await import('./dashboard.ts')).dashboardCommand(),
  evaluate: async () => (await import('./evaluate.ts')).evaluateCommand(),
  history: async () => (await import('./history.ts')).historyCommand(),
  predict: async () => (await import('./predict.ts')).predictCommand(),
  export: async () => (await import('./export.ts')).exportCommand(),
  runs: async () => (await import('./runs.ts')).runsCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  logs: async () => (await import('./logs.ts')).logsCommand(),
  drain: async () => (await import('./operate.ts')).drainCommand(),
  checkpoint: async () => (await import('./operate.ts')).checkpointCommand(),
  pause: async () => (await import('./operate.ts')).pauseCommand(),
  unpause: async () => (await import('./operate.ts')).unpauseCommand(),
  stop: async () => (await import('./operate.ts')).stopCommand(),
  token: async () => (await import('./token.ts')).tokenCommand(),
  checkpoints: async () => (await import('./checkpoints.ts')).checkpointsCommand(),
  init: async () => (await import('./init.ts')).initCommand(),
  summary: async () => (await import('./summary.ts')).summaryCommand(),
  show: async () => (await import('./show.ts')).showCommand(),
  recipes: async () => (await import('./recipes.ts')).recipesCommand(),
  config: async () => (await import('./config.ts')).configCommand(),
  setup: async () => (await import('./setup.ts')).setupCommand(),
  data: async () => (await import('./data.ts')).dataCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  completion: async () => (await import('./completion.ts')).completionCommand(loadAll),
};

function loadAll(): Promise<readonly Command[]> {
  return Promise.all(Object.values(commands).map((load) => load()));
}
