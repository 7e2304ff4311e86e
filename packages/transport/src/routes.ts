import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, Gate, RefusedRequest } from './gate.ts';
import type { Role } from './tokens.ts';
import type { BrowserSessions } from './browser-sessions.ts';

/** Something that the door answers over HTTP. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/v1/status`, `/v1/data/` for everything below it, or `/` for itself. In front of it there may be a reverse proxy's prefix. */
  readonly path: string;
  /** Who may ask; null for anybody. Where the door has no tokens, everybody may. */
  readonly role: Role | null;
  /** Answers. What it throws becomes a 500. A HEAD request is a GET whose body is not sent. */
  handle(request: IncomingMessage, response: ServerResponse, visit: Visit): void | Promise<void>;
}

/** What the door knows about a request. */
export interface Visit {
  readonly caller: Caller;
  /** What follows the route's path, decoded, where that ends in a slash; else ''. */
  readonly rest: string;
  /** Whether who asked may still ask: a token may lose its place while a long answer is given. */
  readonly isStillAllowed: () => boolean;
  /** Browsers that were let in; null where nobody needs a token. */
  readonly sessions: BrowserSessions | null;
  /** Whether who asks may steer, too. */
  readonly maySteer: () => boolean;
}

/** Of a request's body that is read as JSON. */
const MAX_JSON_BYTES = 4_096;

/** What a door answers. Routes may be added while it is open. */
export class RouteTable {
  readonly #routes: Route[];
  readonly #onFault: (error: unknown) => void;

  /** @param onFault is told what a route's handler threw. */
  constructor(routes: readonly Route[] = [], onFault: (error: unknown) => void = () => {}) {
    this.#routes = [...routes];
    this.#onFault = onFault;
  }

  add(...routes: readonly Route[]): void {
    this.#routes.push(...routes);
  }

  /** Answers a request that is no upgrade. */
  answer(request: IncomingMessage, response: ServerResponse, gate: Gate): void {
    const path = pathOf(request.url);
    const found = path === null ? null : this.#find(path);
    if (found === null) {
      return answerText(response, 426, 'This port speaks WebSocket: start a worker with its ws:// address.');
    }
    const { routes, rest } = found;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = routes.find((each) => each.method === method);
    if (route === undefined) {
      response.setHeader('allow', routes.map((each) => each.method).join(', '));
      return answerText(response, 405, `This address takes ${routes.map((each) => each.method).join(' or ')}.`);
    }
    const verdict = gate.judge(request, route.role);
    if (verdict.refused !== null) return answerRefused(response, verdict.refused);
    const { caller } = verdict;
    // A stranger's connection ends with its answer: nobody keeps one open by asking again and again.
    if (caller.token === null) response.setHeader('connection', 'close');
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    const handling = async () =>
      route.handle(request, response, {
        caller,
        rest,
        isStillAllowed: () => gate.stillAdmits(caller),
        sessions: gate.sessions,
        maySteer: () => gate.maySteer(request),
      });
    handling().catch((error: unknown) => {
      this.#onFault(error);
      if (response.headersSent) response.destroy();
      else answerText(response, 500, 'a fault of the coordinator; its log says more');
    });
  }

  /** The routes of a path, those below a folder first: a file may have any name. */
  #find(path: string): { readonly routes: readonly Route[]; readonly rest: string } | null {
    for (const { path: folder } of this.#routes) {
      const at = folder.endsWith('/') && folder !== '/' ? path.indexOf(folder) : -1;
      if (at >= 0) {
        const rest = path.slice(at + folder.length);
        return { routes: this.#routes.filter((route) => route.path === folder), rest };
      }
    }
    const routes = this.#routes.filter((route) => path.endsWith(route.path));
    return routes.length === 0 ? null : { routes, rest: '' };
  }
}

/** Answers with a line of text, and closes the connection. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`);
}

/** Answers that there is no room at the moment, or nothing to give yet, and when to ask again. */
export function askAgain(response: ServerResponse, why: string, afterS: number): void {
  response.setHeader('retry-after', String(afterS));
  answerText(response, 503, why);
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}

/**
 * Reads a request's body as JSON; a body that is too large or never whole ends with its connection.
 * @returns undefined for what is no JSON.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_JSON_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    return undefined;
  }
}

function answerRefused(response: ServerResponse, refused: RefusedRequest): void {
  for (const [name, value] of Object.entries(refusalHeaders(refused))) response.setHeader(name, value);
  answerText(response, refused.status, refused.reason);
}

/** The headers that say what a refused request lacks, and when to try again. */
export function refusalHeaders({ status, retryAfterS }: RefusedRequest): Record<string, string> {
  return {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) }),
  };
}

/** The path of a request's target, decoded; null for what is none. A query is not looked at: nothing secret belongs there. */
function pathOf(target = ''): string | null {
  try {
    return decodeURIComponent(target.split('?')[0]!);
  } catch {
    return null;
  }
}
