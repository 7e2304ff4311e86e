import { CommanderError, type Command } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';

/**
 * Runs a command line and sets the process's exit code: the operator's mistakes are one line and their code, our own
 * faults a stack and 1.
 */
export async function runProgram(program: Command): Promise<void> {
  throwInsteadOfExiting(program);
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed its line already; help and version end well.
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    } else if (error instanceof OperatorError) {
      process.stderr.write(`convoy: ${error.message}\n`);
      process.exitCode = error.exitCode;
    } else {
      process.stderr.write(`convoy: a fault of Convoy's own: ${(error as Error).stack ?? String(error)}\n`);
      process.exitCode = exitCodes.internal;
    }
  } finally {
    if (process.connected) process.disconnect();
  }
}

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride().showSuggestionAfterError();
  for (const child of command.commands) throwInsteadOfExiting(child);
}
