import type { TLSSocket } from 'node:tls';
import { answerJson, answerText, readJson, type Route } from './routes.ts';
import { mayActAs } from './tokens.ts';

/** What a link's secret and a browser's cookies are had for. */
export const sessionRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/link',
    role: 'viewer',
    async handle(request, response, { caller, sessions }) {
      const body = (await readJson(request)) as { readonly steer?: unknown } | null | undefined;
      const role = body?.steer === true ? 'operator' : 'viewer';
      const { token } = caller;
      // Where no token is needed, no link is either.
      if (token === null || sessions === null) return answerJson(response, 200, { secret: null });
      // A session would outlive itself.
      if (caller.isBrowser) return answerText(response, 403, 'a link is made with a token, not by a browser');
      if (!mayActAs(token.role, role)) {
        return answerText(response, 403, "a browser steers only with a link that an operator's token makes");
      }
      answerJson(response, 200, { secret: sessions.newLink(token, role) });
    },
  },
  {
    method: 'POST',
    path: '/v1/session',
    role: null,
    async handle(request, response, { sessions }) {
      const body = (await readJson(request)) as { readonly secret?: unknown } | null | undefined;
      const secret = typeof body?.secret === 'string' ? body.secret : '';
      const cookies = sessions?.redeem(secret) ?? null;
      if (cookies === null) {
        return answerText(response, 401, 'this link was used, or is too old: make another one');
      }
      const isSecure = (request.socket as Partial<TLSSocket>).encrypted === true;
      const attributes = ['HttpOnly', 'SameSite=Strict', 'Path=/', ...(isSecure ? ['Secure'] : [])];
      const setting = cookies.map(({ name, value, ms }) =>
        [`${name}=${value}`, ...attributes, `Max-Age=${ms / 1_000}`].join('; '),
      );
      response.setHeader('set-cookie', setting);
      answerJson(response, 200, { watching: true });
    },
  },
];
