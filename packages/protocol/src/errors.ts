/**
 * A mistake that the operator can mend: a wrong flag, a busy port, a missing file. Its message is one line that says what
 * to change; programs print it without a stack and exit with `exitCode`.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: number;

  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodes.usage;
  }
}

/** Exit codes of every program of Convoy, documented in docs/protocol.md. */
export const exitCodes = {
  ok: 0,
  /** A fault of our own: a stack is printed. */
  internal: 1,
  /** A wrong option, or options that don't fit together. */
  usage: 2,
  /** The data set can't be found, read or downloaded, or is not what it should be. */
  data: 3,
  /** No engine can compute here. */
  engine: 4,
  /** The address can't be listened on, or the coordinator can't be reached. */
  network: 5,
  /** The coordinator refused this worker, for the reason it printed. */
  rejected: 6,
  /** The run halted itself: gradients were not finite, or every worker was lost. */
  halted: 7,
  /** The run was stopped because its training had collapsed: `--on-collapse` says what else could have been done. */
  collapsed: 8,
  /** The run is over, and the disk refused its result: the JSON line has what is left of it. */
  unsaved: 9,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const;
