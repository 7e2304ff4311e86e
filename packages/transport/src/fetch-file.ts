import { countOf } from '@convoy/protocol/event-words';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface FetchOptions {
  /** `http:` or `https:`. */
  readonly url: URL;
  /** The address as it may be shown and stored; without it, the address less its user and password. */
  readonly shownUrl?: string | undefined;
  /** Headers of the request. They are left out where a redirect leads to another origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sends a request; without it, Node's own client does, on a connection of its own. */
  readonly respond?: Respond | undefined;
  /** Where the bytes go. What an earlier attempt left there is continued if the server still has the same file. */
  readonly file: string;
  /** Known length of the file; a server that announces another is refused before its bytes come. */
  readonly expectedBytes?: number | undefined;
  /** Failures in a row, without a new byte between them, after which to give up. */
  readonly attempts: number;
  /** The same as long as no attempt has brought a single byte: an address that isn't there is not worth the wait. */
  readonly attemptsBeforeFirstByte: number;
  /** Longest silence of the server, from the start of the request to the last byte. */
  readonly stallTimeoutMs: number;
  readonly delay: (durationMs: number, signal: AbortSignal | undefined) => Promise<unknown>;
  readonly signal?: AbortSignal | undefined;
  /** Bytes on disk so far, and their final number if the server told it. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** What the operator may want to see: a retry, a restart. */
  readonly onNote?: ((message: string) => void) | undefined;
}

/** Sends a GET and gives the response, whatever its status; redirects are not followed. */
export type Respond = (
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<IncomingMessage>;

/** Why a file could not be fetched, in one line. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  /** Trying again would not help. */
  readonly permanent: boolean;
  /** The server's own wish, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;
  /** What the server answered, where it is that. */
  readonly status: number | undefined;

  constructor(
    message: string,
    options: { permanent: boolean; retryAfterMs?: number | undefined; status?: number; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.permanent = options.permanent;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
  }
}

/**
 * Fetches `url` into `file`, with retries, back-off and resumption.
 * @throws FetchError when the server refuses or the attempts are used up; the signal's reason when aborted; the file
 * system's error (with its `code`) when the bytes can't be written. What has arrived stays, for the next call.
 */
export async function fetchFile(options: FetchOptions): Promise<void> {
  const { file, signal } = options;
  let failures = 0;
  let most = 0;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await attempt(options);
      await rm(describingFile(file), { force: true });
      return;
    } catch (cause) {
      signal?.throwIfAborted();
      const fault = toFetchError(cause);
      const held = await sizeOf(file);
      failures = held > most ? 1 : failures + 1;
      most = Math.max(most, held);
      const limit = most > 0 ? options.attempts : options.attemptsBeforeFirstByte;
      if (fault.permanent) throw fault;
      if (failures >= limit) {
        const tries = countOf(failures, 'attempt');
        throw new FetchError(`${fault.message} (${tries} without progress)`, { permanent: true, cause: fault });
      }
      const waitMs = Math.min(LONGEST_WAIT_MS, fault.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (failures - 1));
      options.onNote?.(`${fault.message}; trying again in ${waitMs / 1000} s, with ${held} bytes received`);
      await options.delay(waitMs, signal);
    }
  }
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const MOST_REDIRECTS = 5;

/** What a partial file is a part of, kept beside it. */
interface Description {
  readonly url: string;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly total: number | undefined;
}

/** One request: the rest of the file if part of it is here, else the whole. */
async function attempt(options: FetchOptions): Promise<void> {
  const { file } = options;
  const known = await readDescription(options);
  const held = known === undefined ? 0 : await sizeOf(file);
  if (known?.total !== undefined && held === known.total) return;

  const watch = watchdog(options.stallTimeoutMs, options.signal);
  try {
    const headers: Record<string, string> = { ...STANDARD_HEADERS, ...options.headers };
    if (known !== undefined && held > 0) {
      headers['range'] = `bytes=${held}-`;
      headers['if-range'] = known.etag ?? known.lastModified!;
    }
    const response = await get(options, headers, watch.signal);
    watch.alive();
    if (response.statusCode === 206 && known !== undefined) {
      if (!continues(response.headers, held, known)) {
        response.destroy();
        await discard(file);
        throw new FetchError('the file changed on the server, starting again', { permanent: false });
      }
      await receive(response, options, watch, { held, total: known.total });
    } else if (response.statusCode === 200) {
      if (held > 0) options.onNote?.('the server starts the file again from its first byte');
      const total = lengthOf(response.headers);
      if (options.expectedBytes !== undefined && total !== undefined && total !== options.expectedBytes) {
        response.destroy();
        throw new FetchError(`the server offers ${total} bytes, expected ${options.expectedBytes}`, {
          permanent: true,
        });
      }
      await discard(file);
      await writeDescription(options, { ...validatorsOf(response.headers), total });
      await receive(response, options, watch, { held: 0, total });
    } else {
      response.destroy();
      if (response.statusCode === 416 || response.statusCode === 206) {
        await discard(file);
        throw new FetchError("the server can't continue the file, starting again", { permanent: false });
      }
      throw refusal(response);
    }
  } catch (cause) {
    // A destroyed socket fails with an error of its own: the reason it was destroyed for says more.
    throw watch.signal.aborted ? watch.signal.reason : cause;
  } finally {
    watch.stop();
  }
}

/** Appends the response's body to the file. */
async function receive(
  response: IncomingMessage,
  { file, expectedBytes, onProgress }: FetchOptions,
  watch: Watchdog,
  { held, total }: { held: number; total: number | undefined },
): Promise<void> {
  const most = total ?? expectedBytes ?? Infinity;
  let received = held;
  onProgress?.(received, total);
  const output = await open(file, held > 0 ? 'a' : 'w');
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      watch.alive();
      received += chunk.length;
      if (received > most) throw new FetchError(`the server sends more than ${most} bytes`, { permanent: true });
      await output.appendFile(chunk);
      onProgress?.(received, total);
    }
  } finally {
    await output.close();
  }
  if (total !== undefined && received !== total) {
    throw new FetchError(`the connection ended after ${received} of ${total} bytes`, { permanent: false });
  }
}

/** The response to a GET after at most five redirects. */
async function get(
  { url, headers: own = {}, respond = respondOnce }: FetchOptions,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let target = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const isOwn = (name: string) => Object.hasOwn(own, name);
    const sent =
      target.origin === url.origin
        ? headers
        : Object.fromEntries(Object.entries(headers).filter(([name]) => !isOwn(name)));
    const response = await respond(target, sent, signal);
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode!) || location === undefined) return response;
    response.destroy();
    const next = URL.canParse(location, target.href) ? new URL(location, target) : undefined;
    const allowed = next?.protocol === 'https:' || (next?.protocol === 'http:' && target.protocol === 'http:');
    if (next === undefined || !allowed)
      throw new FetchError(`the server redirects to ${location}`, { permanent: true });
    target = next;
  }
  throw new FetchError(`the server redirects more than ${MOST_REDIRECTS} times`, { permanent: true });
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const STANDARD_HEADERS = { 'user-agent': 'convoy', accept: '*/*', 'accept-encoding': 'identity' } as const;

const respondOnce: Respond = (url, headers, signal) =>
  new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    // A connection of its own: nothing stays open behind the download.
    send(url, { headers, signal, agent: false }, resolve).on('error', reject).end();
  });

interface Watchdog {
  readonly signal: AbortSignal;
  alive(): void;
  stop(): void;
}

/** A signal that fires when `outer` does, or when nobody has said `alive` for `timeoutMs`. */
function watchdog(timeoutMs: number, outer: AbortSignal | undefined): Watchdog {
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(new FetchError(`the server sent nothing for ${timeoutMs / 1000} s`, { permanent: false }));
  }, timeoutMs);
  return {
    signal: outer === undefined ? silence.signal : AbortSignal.any([silence.signal, outer]),
    alive: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

/** Whether a 206 is the rest, from byte `held`, of the file that the partial file is part of. */
function continues(headers: IncomingHttpHeaders, held: number, known: Description): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (range === null || Number(range[1]) !== held) return false;
  if (known.total !== undefined && range[2] !== '*' && Number(range[2]) !== known.total) return false;
  const now = validatorsOf(headers);
  if (now.etag !== undefined && known.etag !== undefined) return now.etag === known.etag;
  return now.lastModified === undefined || known.lastModified === undefined || now.lastModified === known.lastModified;
}

/** A weak ETag doesn't promise equal bytes, so it counts for nothing. */
function validatorsOf(headers: IncomingHttpHeaders): Pick<Description, 'etag' | 'lastModified'> {
  const { etag } = headers;
  return { etag: etag?.startsWith('"') ? etag : undefined, lastModified: headers['last-modified'] };
}

function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function refusal(response: IncomingMessage): FetchError {
  const status = response.statusCode!;
  const seconds = Number(response.headers['retry-after']);
  return new FetchError(`the server answered HTTP ${status} ${response.statusMessage ?? ''}`.trimEnd(), {
    permanent: !(status >= 500 || status === 408 || status === 425 || status === 429),
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
    status,
  });
}

/** The network's errors may pass; the file system's are thrown on as they are. */
function toFetchError(cause: unknown): FetchError {
  if (cause instanceof FetchError) return cause;
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  if (code === undefined || FILE_CALLS.has(syscall ?? '') || FULL_DISK.has(code)) throw cause;
  return new FetchError(message.includes(code) ? message : `${message} (${code})`, { permanent: false, cause });
}

const FILE_CALLS = new Set(['open', 'fsync', 'rename', 'unlink', 'rm', 'mkdir', 'stat']);
const FULL_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EFBIG']);

function describingFile(file: string): string {
  return `${file}.json`;
}

/** What the partial file is part of; undefined when it is no part of `url`, or nothing would show that it changed. */
async function readDescription({ file, url, shownUrl, expectedBytes }: FetchOptions): Promise<Description | undefined> {
  let found: Partial<Description> | null;
  try {
    found = JSON.parse(await readFile(describingFile(file), 'utf8'));
  } catch {
    return undefined;
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const etag = text(found?.etag);
  const lastModified = text(found?.lastModified);
  const total = Number.isSafeInteger(found?.total) ? found!.total : undefined;
  if (found?.url !== (shownUrl ?? withoutCredentials(url)) || (etag === undefined && lastModified === undefined))
    return undefined;
  if (expectedBytes !== undefined && total !== expectedBytes) return undefined;
  if (total !== undefined && (await sizeOf(file)) > total) return undefined;
  return { url: found.url, etag, lastModified, total };
}

async function writeDescription(
  { file, url, shownUrl }: FetchOptions,
  description: Omit<Description, 'url'>,
): Promise<void> {
  await writeFile(describingFile(file), JSON.stringify({ url: shownUrl ?? withoutCredentials(url), ...description }));
}

async function discard(file: string): Promise<void> {
  await rm(file, { force: true });
  await rm(describingFile(file), { force: true });
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

/** The address as it may be shown and stored. */
export function withoutCredentials(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}
