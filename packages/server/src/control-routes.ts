import { asRequest, type OperatorRequest } from '@convoy/run-store/requests';
import { nameOfToken } from '@convoy/transport/tokens';
import type { Caller } from '@convoy/transport/gate';
import { answerJson, answerText, readJson, type Route } from '@convoy/transport/routes';
import type { ServedRun } from './serve-run.ts';

/** What operators ask of a run over HTTP, and viewers may see. */
export function controlRoutes(run: Pick<ServedRun, 'request' | 'status' | 'metrics'>): readonly Route[] {
  const act = (type: OperatorRequest['type']): Route => ({
    method: 'POST',
    path: `/v1/${type}`,
    role: 'operator',
    async handle(request, response, { caller }) {
      const body = (await readJson(request)) ?? {};
      const asked = asRequest({ ...(body as object), type });
      if (asked === null) return answerText(response, 400, type === 'drain' ? 'give {"rank": n}' : 'send no body');
      const refusal = run.request(asked, nameOf(caller));
      if (refusal !== null) return answerText(response, 409, refusal);
      answerJson(response, 200, { done: type });
    },
  });
  return [
    {
      method: 'GET',
      path: '/v1/status',
      role: 'viewer',
      handle: (_, response) => answerJson(response, 200, run.status()),
    },
    {
      // For the page. Where there is nothing to steer there is no such address.
      method: 'GET',
      path: '/v1/steering',
      role: 'viewer',
      handle: (_, response, { maySteer }) => answerJson(response, 200, { maySteer: maySteer() }),
    },
    {
      method: 'GET',
      path: '/metrics',
      role: 'viewer',
      async handle(_, response) {
        const { type, text } = await run.metrics();
        response.writeHead(200, { 'content-type': type }).end(text);
      },
    },
    act('drain'),
    act('stop'),
    act('checkpoint'),
    act('pause'),
    act('unpause'),
  ];
}

/** Who asks, for the log. */
function nameOf({ token, remote, isBrowser }: Caller): string {
  if (token === null) return `somebody at ${remote}`;
  return `${nameOfToken(token)}${isBrowser ? ', in a browser' : ''} at ${remote}`;
}
