import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** What keeps it from asking for anything but the page, and from needing a screen or a graphics card. */
export const CHROMIUM_OPTIONS = [
  '--headless',
  '--no-sandbox',
  // WebGL without a graphics card: computed by the processor.
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A Chromium on this machine: CHROMIUM_PATH, else where systems install one; null where there is none. */
export function findChromium(): string | null {
  const named = process.env['CHROMIUM_PATH'];
  return named ?? PLACES.find((path) => existsSync(path)) ?? null;
}

/**
 * Opens a page in a browser of its own and waits for what the page tells; then the browser is gone.
 * @throws Error when the browser ends before.
 */
export async function openPage<Outcome>(chromium: string, url: string, outcome: Promise<Outcome>): Promise<Outcome> {
  const profile = mkdtempSync(join(tmpdir(), 'convoy-chromium-'));
  const browser = spawn(chromium, [...CHROMIUM_OPTIONS, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  browser.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    browser.on('error', (error) => {
      stderr += error.message;
      resolve();
    });
    browser.on('close', () => resolve());
  });
  try {
    const early = ended.then(() => {
      throw new Error(`${chromium} ended before the page told anything:\n${stderr}`);
    });
    return await Promise.race([outcome, early]);
  } finally {
    browser.kill();
    await ended;
    // Its helpers may still write for a moment.
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
