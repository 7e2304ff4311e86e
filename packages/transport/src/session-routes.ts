import type { TLSSocket } from 'node:tls';
import { answerJson, answerText, readJson, type Route } from './routes.ts';
import { SESSION_MS } from './viewer-sessions.ts';

/** What a link's secret and a browser's cookie are had for. */
export const sessionRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/link',
    role: 'viewer',
    handle(_, response, { caller, sessions }) {
      // Where no token is needed, no link is either.
      const secret = caller.token === null ? null : (sessions?.newLink(caller.token) ?? null);
      answerJson(response, 200, { secret });
    },
  },
  {
    method: 'POST',
    path: '/v1/session',
    role: null,
    async handle(request, response, { sessions }) {
      const body = (await readJson(request)) as { readonly secret?: unknown } | null | undefined;
      const secret = typeof body?.secret === 'string' ? body.secret : '';
      const cookie = sessions?.redeem(secret) ?? null;
      if (cookie === null) {
        return answerText(response, 401, 'this link was used, or is too old: make another one');
      }
      const isSecure = (request.socket as Partial<TLSSocket>).encrypted === true;
      const attributes = ['HttpOnly', 'SameSite=Strict', 'Path=/', `Max-Age=${SESSION_MS / 1_000}`];
      response.setHeader(
        'set-cookie',
        [`${cookie.name}=${cookie.value}`, ...attributes, ...(isSecure ? ['Secure'] : [])].join('; '),
      );
      answerJson(response, 200, { watching: true });
    },
  },
];
