import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { answerJson, answerText, type Route } from '@convoy/transport/routes';
import { sessionRoutes } from '@convoy/transport/session-routes';
import { MAX_OVERLAID } from '../replay/listed-run.ts';
import { EVENT_STREAM, EventStreams, type WantedLog } from './event-streams.ts';
import { modelRoutes, type ModelSource } from './model-routes.ts';
import { PageFiles } from './page-files.ts';
import { listedRuns, type RunSource } from './run-list.ts';

export interface Dashboard {
  readonly routes: readonly Route[];
  /** Lets viewers have the last lines, and ends what is sent to them. */
  close(): void;
}

/** The page and what it asks for. The page itself holds nothing secret: whoever reaches the door gets it. */
export function dashboard(runs: RunSource, models?: ModelSource): Dashboard {
  const streams = new EventStreams();
  const page = new PageFiles();
  const routes: readonly Route[] = [
    ...sessionRoutes,
    ...(models === undefined ? [] : modelRoutes(runs, models)),
    {
      method: 'GET',
      path: '/',
      role: null,
      handle: (request, response) => page.send('index.html', request, response),
    },
    {
      method: 'GET',
      path: '/assets/',
      role: null,
      handle: (request, response, { rest }) => page.send(rest, request, response),
    },
    {
      method: 'GET',
      path: '/v1/runs',
      role: 'viewer',
      handle: async (_, response) => answerJson(response, 200, await listedRuns(runs)),
    },
    {
      method: 'GET',
      path: '/v1/config',
      role: 'viewer',
      async handle(request, response) {
        const folder = runs.folderOf(queryOf(request).get('run'));
        if (folder === null) return answerText(response, 404, 'there is no such run here');
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(await readFile(join(folder, 'config.json')));
      },
    },
    {
      method: 'GET',
      path: '/v1/events',
      role: 'viewer',
      async handle(request, response, visit) {
        const wanted = wantedLogs(request, runs);
        if (typeof wanted === 'string') return answerText(response, 400, wanted);
        if (wanted === null) return answerText(response, 404, 'there is no such run here');
        if (request.method === 'HEAD') return void response.writeHead(200, { 'content-type': EVENT_STREAM }).end();
        await streams.send(wanted, response, visit, queryOf(request).get('follow') !== 'no');
      },
    },
  ];
  return { routes, close: () => streams.close() };
}

/**
 * The logs that a request names, each by `run`, `from` and `first`, in the same order; null where there is no such run.
 * @returns what is wrong with the request, if something is.
 */
function wantedLogs(request: IncomingMessage, runs: RunSource): readonly WantedLog[] | string | null {
  const query = queryOf(request);
  const names = query.has('run') ? query.getAll('run') : [null];
  if (names.length > MAX_OVERLAID) return `ask for ${MAX_OVERLAID} runs at most`;
  const had = request.headers['last-event-id'];
  if (had !== undefined && names.length > 1) return 'say from which line on you want each of the runs';
  const logs: WantedLog[] = [];
  for (const [index, name] of names.entries()) {
    const folder = runs.folderOf(name);
    if (folder === null) return null;
    // One that lost its connection says which line it had last.
    const from = numberIn(had === undefined ? (query.getAll('from')[index] ?? '0') : String(had));
    if (from === null) return 'ask from a line: its number, counted from 0';
    const firstAt = numberIn(query.getAll('first')[index] ?? '');
    logs.push({ path: join(folder, EVENTS_FILE), from: from + (had === undefined ? 0 : 1), firstAt });
  }
  return logs;
}

function numberIn(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  return new URL(url, 'http://door').searchParams;
}
