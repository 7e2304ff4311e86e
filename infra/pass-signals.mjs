// What happens to the launcher happens to the program, which has a session of its own and hears nothing of the terminal.

/** Sent on as they are: the program ends by itself and the launcher after it, or it looks at the terminal's size. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGWINCH'];
/** The program says within this time that it is about to stop; a gradient may have to be finished first. */
const STOPS_WITHIN_MS = 1_000;
/** How often the launcher looks whether npm's shell is still there. */
const LOOK_EVERY_MS = 1_000;

/** What the program sends before Ctrl-Z stops it. */
export const ABOUT_TO_STOP = 'about to stop';

/**
 * @param {import('node:child_process').ChildProcess} child the program
 * @param {{ readonly isTTY?: boolean }[]} streams those that it shares with this process
 */
export function passSignals(child, streams = [process.stdin, process.stdout, process.stderr]) {
  let hungUp = false;
  for (const signal of PASSED_ON) process.on(signal, () => child.kill(signal));
  process.on('SIGHUP', () => {
    hungUp = true;
    // nohup can't be seen from here, for Node undoes it; but it leaves none of the three on a terminal.
    if (streams.some(({ isTTY }) => isTTY)) child.kill('SIGHUP');
  });
  // Ctrl-Z stops all of it, "fg" and "bg" let all of it go on.
  const stop = () => process.kill(process.pid, 'SIGSTOP');
  let stopping = null;
  process.on('SIGTSTP', () => {
    child.kill('SIGTSTP');
    stopping ??= setTimeout(() => {
      stopping = null;
      stop();
    }, STOPS_WITHIN_MS);
  });
  child.on('message', (message) => {
    if (message !== ABOUT_TO_STOP || stopping === null) return;
    clearTimeout(stopping);
    stopping = null;
    stop();
  });
  process.on('SIGCONT', () => child.kill('SIGCONT'));
  followShell(child, () => hungUp);
}

/**
 * Ends the program when npm's shell is gone: "kill" of a npx reaches that shell and ends it, and nobody else hears of it. A
 * terminal that is closed ends the shell as well, but then the launcher is told.
 */
function followShell(child, hasHungUp) {
  if (!isWaitedForByNpm(process.env['npm_lifecycle_script'])) return;
  const shell = process.ppid;
  let wasGone = false;
  const timer = setInterval(() => {
    const isGone = process.ppid !== shell;
    // At the second look: a hang-up may be on its way.
    if (isGone && wasGone) {
      clearInterval(timer);
      if (!hasHungUp()) child.kill('SIGTERM');
    }
    wasGone = isGone;
  }, LOOK_EVERY_MS);
  timer.unref();
}

/**
 * Whether npm runs a script that ends with a call of this program and waits for it, as npx does.
 * @param {string | undefined} script
 */
export function isWaitedForByNpm(script = '') {
  return /(^|&&|;)\s*(node\s+)?'?(\S*\/)?convoy(\.mjs)?'?(\s[^&;|]*)?$/.test(script);
}
