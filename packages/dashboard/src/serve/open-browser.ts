import { spawn } from 'node:child_process';

/** Asks the system for its browser, and waits for nothing. @param onAbsent is told in one line when there is none. */
export function openBrowser(url: string, onAbsent: (line: string) => void): void {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start'] : ['xdg-open'];
  const child = spawn(program!, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => onAbsent(`${program} is not there: open ${url} yourself`));
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) onAbsent(`${program} found no browser: open ${url} yourself`);
  });
  child.unref();
}
