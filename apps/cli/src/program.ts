import { CommanderError, InvalidArgumentError, type Command } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { takeTerminal } from '@convoy/infra/standard-error';
import { fileError } from '@convoy/protocol/file-error';
import { installJobControl } from './job-control.ts';

/**
 * Runs a command line and sets the process's exit code: the operator's mistakes are one line and their code, our own
 * faults a stack and 1.
 */
export async function runProgram(program: Command): Promise<void> {
  takeTerminal();
  surviveLostReaders();
  endWithItsCode();
  installJobControl();
  throwInsteadOfExiting(program);
  program.hook('preAction', (_, action) => assertNothingEmpty(action));
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      // Found by a command when it ran; what the parser finds is a CommanderError of its own, and printed.
      process.stderr.write(`convoy: ${error.message}\n`);
      process.exitCode = exitCodes.usage;
    } else if (error instanceof CommanderError) {
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
    await reportLostOutput(process.stdout);
    if (process.connected) process.disconnect();
  }
}

/**
 * A process that comes to its end by itself stops listening to signals first, and takes a while to unload TensorFlow: a SIGTERM
 * that reached it then, by way of the launcher or from Slurm, would have it ended by a signal. `process.exit` goes on listening.
 */
function endWithItsCode(): void {
  process.once('beforeExit', () => process.exit());
}

/** What a shell gives to a program whose reader has gone: SIGPIPE's number over 128. */
const READER_IS_GONE = 141;

/** A result that could not be written is no success. A reader that has seen enough, like `head`, is told nothing. */
async function reportLostOutput(stdout: NodeJS.WriteStream): Promise<void> {
  const error = await outputError(stdout);
  if (error === null) return;
  if (error.code === 'EPIPE') {
    process.exitCode ||= READER_IS_GONE;
    return;
  }
  process.stderr.write(
    `convoy: ${fileError(error, "can't write the output", { remedy: 'send it elsewhere' }).message}\n`,
  );
  process.exitCode ||= exitCodes.usage;
}

let failed: NodeJS.ErrnoException | null = null;

/** Has both streams go on when nobody reads them any more: the run still saves its parameters. */
function surviveLostReaders(): void {
  process.stdout.on('error', (error) => (failed ??= error));
  process.stderr.on('error', () => {});
}

/** Why not all of what was written has arrived; null if it has. */
async function outputError(stdout: NodeJS.WriteStream): Promise<NodeJS.ErrnoException | null> {
  if (failed !== null || stdout.destroyed) return failed;
  await new Promise<void>((resolve) => void stdout.write('', () => resolve()));
  return failed;
}

/** An empty word is a variable that is not set: `--host "$UNSET"` would be another address than anybody meant. */
function assertNothingEmpty(command: Command): void {
  const empty = command.options.find((option) => command.getOptionValue(option.attributeName()) === '');
  if (empty !== undefined) {
    throw new OperatorError(`${empty.long} is empty: is the variable that it comes from set?`);
  }
  if (command.args.includes(''))
    throw new OperatorError('an argument is empty: is the variable that it comes from set?');
}

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride().showSuggestionAfterError();
  for (const child of command.commands) throwInsteadOfExiting(child);
}
