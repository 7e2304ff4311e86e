import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';

/** Who still speaks when a server stops has so long to end. */
const END_WITHIN_MS = 1_000;

/**
 * Has a server listen.
 * @param port 0 takes a free one. @returns what it listens on.
 * @throws OperatorError when the address can't be bound.
 */
export async function bind(
  http: Server,
  host: string,
  port: number,
): Promise<{ readonly host: string; readonly port: number }> {
  await new Promise<void>((resolve, reject) => {
    http.on('error', (error: NodeJS.ErrnoException) => reject(explainBinding(error, host, port)));
    http.listen({ host, port }, () => resolve());
  });
  const address = http.address() as AddressInfo;
  return { host: address.address, port: address.port };
}

/** Stops listening, and resolves when every connection has ended. @param cut ends, beside them, those that linger. */
export async function unbind(http: Server, cut: () => void = () => {}): Promise<void> {
  const ended = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeIdleConnections();
  const timer = setTimeout(() => {
    cut();
    http.closeAllConnections();
  }, END_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

function explainBinding(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const options = { cause: error, exitCode: exitCodes.network };
  switch (error.code) {
    case 'EADDRINUSE':
      return new OperatorError(
        `port ${port} on ${host} is in use: choose another with --port (0 takes a free one)`,
        options,
      );
    case 'EACCES':
      return new OperatorError(
        `port ${port} needs more rights than this user has: choose one above 1023 with --port`,
        options,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new OperatorError(
        `this machine has no address ${host}: choose another with --host (0.0.0.0 for all)`,
        options,
      );
    default:
      return new OperatorError(`can't listen on ${host}:${port}: ${error.message}`, options);
  }
}
