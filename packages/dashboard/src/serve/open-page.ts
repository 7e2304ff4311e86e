import { listenHttp } from '@convoy/transport/listen-http';
import { RouteTable } from '@convoy/transport/routes';
import { dashboard } from './routes.ts';
import type { RunSource } from './run-list.ts';

export interface OpenPage {
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string;
  /** Lets viewers have the last lines, and stops listening. */
  close(): Promise<void>;
}

/**
 * Serves the page by itself, to this machine alone.
 * @param port 0 takes a free one. @param onFault told what a route's handler threw.
 * @throws OperatorError when the port can't be had.
 */
export async function openPage(
  runs: RunSource,
  { port = 0, onFault }: { readonly port?: number; readonly onFault?: (error: unknown) => void } = {},
): Promise<OpenPage> {
  const { routes, close } = dashboard(runs);
  const listener = await listenHttp({ host: '127.0.0.1', port, routes: new RouteTable(routes, onFault) });
  return {
    url: `http://127.0.0.1:${listener.port}/`,
    async close() {
      close();
      await listener.close();
    },
  };
}
