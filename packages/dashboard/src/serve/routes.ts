import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { answerJson, answerText, type Route } from '@convoy/transport/routes';
import { sessionRoutes } from '@convoy/transport/session-routes';
import { EVENT_STREAM, EventStreams } from './event-streams.ts';
import { PageFiles } from './page-files.ts';
import type { RunSource } from './run-list.ts';

export interface Dashboard {
  readonly routes: readonly Route[];
  /** Lets viewers have the last lines, and ends what is sent to them. */
  close(): void;
}

/** The page and what it asks for. The page itself holds nothing secret: whoever reaches the door gets it. */
export function dashboard(runs: RunSource): Dashboard {
  const streams = new EventStreams();
  const page = new PageFiles();
  const routes: readonly Route[] = [
    ...sessionRoutes,
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
      handle: (_, response) => answerJson(response, 200, runs.list()),
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
        const query = queryOf(request);
        const folder = runs.folderOf(query.get('run'));
        if (folder === null) return answerText(response, 404, 'there is no such run here');
        const from = firstLine(request, query);
        if (from === null) return answerText(response, 400, 'ask from a line: its number, counted from 0');
        if (request.method === 'HEAD') return void response.writeHead(200, { 'content-type': EVENT_STREAM }).end();
        await streams.send(join(folder, EVENTS_FILE), from, response, visit);
      },
    },
  ];
  return { routes, close: () => streams.close() };
}

/** The line that a viewer wants first; null for what is no number. One that lost its connection says which it had last. */
function firstLine({ headers }: IncomingMessage, query: URLSearchParams): number | null {
  const had = headers['last-event-id'];
  const text = had === undefined ? (query.get('from') ?? '0') : String(had);
  if (!/^\d{1,12}$/.test(text)) return null;
  return Number(text) + (had === undefined ? 0 : 1);
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  return new URL(url, 'http://door').searchParams;
}
