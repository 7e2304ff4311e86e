import { listenHttp } from '@convoy/transport/listen-http';
import { answerJson, RouteTable, type Route } from '@convoy/transport/routes';
import type { ModelSource } from './model-routes.ts';
import { dashboard } from './routes.ts';
import type { RunSource } from './run-list.ts';

export interface OpenPage {
  /** `http://127.0.0.1:PORT/`. */
  readonly url: string;
  /** Lets viewers have the last lines, and stops listening. */
  close(): Promise<void>;
}

export interface OpenPageOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  /** What the page may try pictures with. */
  readonly models?: ModelSource;
  /** What the page asks of a coordinator, if one serves it. */
  readonly more?: readonly Route[];
  /** Told what a route's handler threw. */
  readonly onFault?: (error: unknown) => void;
}

/** Runs on disk have no coordinator at the page's address: the page asks, as it can't know, and is told so without an error. */
const NO_COORDINATOR: readonly Route[] = [
  { method: 'GET', path: '/v1/status', role: 'viewer', handle: (_, response) => answerJson(response, 200, null) },
  {
    method: 'GET',
    path: '/v1/steering',
    role: 'viewer',
    handle: (_, response) => answerJson(response, 200, { maySteer: false }),
  },
];

/**
 * Serves the page by itself, to this machine alone.
 * @throws OperatorError when the port can't be had.
 */
export async function openPage(
  runs: RunSource,
  { port = 0, models, more = NO_COORDINATOR, onFault }: OpenPageOptions = {},
): Promise<OpenPage> {
  const { routes, close } = dashboard(runs, models);
  const listener = await listenHttp({ host: '127.0.0.1', port, routes: new RouteTable([...routes, ...more], onFault) });
  return {
    url: `http://127.0.0.1:${listener.port}/`,
    async close() {
      close();
      await listener.close();
    },
  };
}
