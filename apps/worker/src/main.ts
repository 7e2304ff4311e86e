// node main.ts --url ws://127.0.0.1:7311: one worker, as a process by itself
import { runProgram } from '@convoy/cli/program';
import { workerCommand } from '@convoy/cli/commands/worker';

await runProgram(workerCommand());
