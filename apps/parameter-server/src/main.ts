// node main.ts --recipe lesson --port 7311: the parameter server, as a process by itself
import { coordinatorCommand } from '@convoy/cli/commands/coordinator';
import { runProgram } from '@convoy/cli/program';

await runProgram(coordinatorCommand().name('parameter-server'));
