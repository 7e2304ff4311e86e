import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { CHROMIUM_OPTIONS } from './chromium.ts';

/** A page in a browser, steered by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol). */
export interface BrowserTab {
  /** What the page has logged as errors, and what its policy refused. */
  readonly faults: readonly string[];
  open(url: string): Promise<void>;
  /** The value of an expression in the page, by JSON. */
  evaluate<Value>(expression: string): Promise<Value>;
  send(method: string, parameters?: object): Promise<unknown>;
  close(): Promise<void>;
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly params?: {
    readonly entry?: { readonly level: string; readonly text: string };
    readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
  };
}

/** Starts a browser with one page. @throws Error when it ends before it can be steered. */
export async function openBrowser(chromium: string): Promise<BrowserTab> {
  const profile = mkdtempSync(join(tmpdir(), 'convoy-browser-'));
  const browser = spawn(
    chromium,
    [...CHROMIUM_OPTIONS, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => browser.once('close', () => resolve()));
  const close = async () => {
    browser.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const port = await new Promise<string>((resolve, reject) => {
      const said: string[] = [];
      createInterface({ input: browser.stderr }).on('line', (line) => {
        said.push(line);
        const [, found] = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
      browser.once('error', reject);
      void ended.then(() => reject(new Error(`${chromium} ended:\n${said.join('\n')}`)));
    });
    const tabs = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly {
      readonly type: string;
      readonly webSocketDebuggerUrl: string;
    }[];
    const tab = await steer(tabs.find(({ type }) => type === 'page')!.webSocketDebuggerUrl);
    return { ...tab, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function steer(address: string): Promise<Omit<BrowserTab, 'close'>> {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const faults: string[] = [];
  socket.on('message', (data: Buffer) => {
    const { id, result, error, method, params } = JSON.parse(data.toString()) as Answer;
    if (method === 'Log.entryAdded' && params?.entry?.level === 'error') faults.push(params.entry.text);
    if (method === 'Runtime.exceptionThrown') {
      faults.push(params?.exceptionDetails?.exception?.description ?? params?.exceptionDetails?.text ?? '');
    }
    if (id === undefined) return;
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error.message));
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser is gone'));
  });
  let sent = 0;
  const send = (method: string, parameters: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      waiting.set(++sent, { resolve, reject });
      socket.send(JSON.stringify({ id: sent, method, params: parameters }));
    });
  await Promise.all(['Page.enable', 'Runtime.enable', 'Log.enable'].map((method) => send(method)));
  return {
    faults,
    send,
    open: async (url) => void (await send('Page.navigate', { url })),
    async evaluate<Value>(expression: string) {
      const { result, exceptionDetails } = (await send('Runtime.evaluate', {
        ...{ expression, returnByValue: true, awaitPromise: true },
      })) as { result: { value: Value }; exceptionDetails?: { text: string; exception?: { description?: string } } };
      if (exceptionDetails !== undefined) {
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      }
      return result.value;
    },
  };
}
