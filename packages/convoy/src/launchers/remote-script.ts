import { shellCommand } from '../shell-command.ts';

export interface RemoteScriptOptions {
  /** A simple command of the remote shell that becomes a worker when arguments follow it. */
  readonly command: string;
  readonly args: readonly string[];
  /** The folder to be in; null for the home directory. */
  readonly dir: string | null;
}

/** The remote shell's exit code where there is no such folder: none of Convoy's. */
export const NO_FOLDER = 121;

/**
 * What `ssh` has the other machine run, for any login shell that knows single quotes.
 *
 * Its input is a line with the token, which may be empty, and then a line with the name of each signal that the worker shall get.
 * When the input ends, because whoever launched it is gone, the worker is asked to leave. What the worker says comes on the
 * standard output: the standard error is ssh's own. The exit code is the worker's.
 */
export function remoteScript({ command, args, dir }: RemoteScriptOptions): string {
  const steps = [
    'exec 2>&1',
    ...(dir === null ? [] : [`cd ${shellCommand([dir])} || exit ${NO_FOLDER}`]),
    'IFS= read -r token || exit 0',
    'if [ -n "$token" ]; then export CONVOY_TOKEN="$token"; fi',
    // In the background a command's input is /dev/null, so the signals come on another descriptor.
    'exec 3<&0',
    `${command} ${shellCommand(args)} 3<&- & worker=$!`,
    '{ while IFS= read -r signal <&3; do kill -s "$signal" $worker; done; kill -s TERM $worker; } >/dev/null 2>&1 & reader=$!',
    'wait $worker',
    'code=$?',
    'kill $reader',
    'exit $code',
  ];
  return `exec sh -c ${shellCommand([steps.join('; ')])}`;
}
