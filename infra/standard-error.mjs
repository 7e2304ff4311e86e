// What the program's process writes to its standard error passes through the launcher, which leaves out what is of no use to
// anybody: TensorFlow's library greets before anything can tell it not to. The program itself still has the terminal.
import { WriteStream } from 'node:tty';

/** The name of a variable that tells the program which descriptor is the terminal. */
const TERMINAL = 'CONVOY_TERMINAL';
/** Behind the three of every process and the channel. */
const TERMINAL_FD = 4;
/**
 * What TensorFlow's library logs before anybody can tell it not to: lines of the severity INFO (https://abseil.io/docs/cpp/guides/logging),
 * and one that says where they go.
 */
const NATIVE_INFO = /^I\d{4} \d\d:\d\d:\d+\.\d+ |^WARNING: All log messages before absl::InitializeLog\(\) is called/;

/**
 * Whether a line on standard error comes from TensorFlow's library and is of no use to anybody.
 * @param {string} line
 */
export function isNativeInfo(line) {
  return NATIVE_INFO.test(line);
}

/**
 * What a launcher spawns its program with, so that {@link passErrors} and {@link takeTerminal} can do their parts.
 * @param {NodeJS.ProcessEnv} env
 * @param {boolean} isTerminal whether the launcher's standard error is a terminal
 * @returns {{ env: NodeJS.ProcessEnv, stdio: import('node:child_process').StdioOptions }}
 */
export function programStreams(env, isTerminal = process.stderr.isTTY === true) {
  /** @type {import('node:child_process').StdioOptions} */
  const stdio = ['inherit', 'inherit', 'pipe', 'ipc'];
  if (!isTerminal) return { env, stdio };
  return { env: { ...env, [TERMINAL]: String(TERMINAL_FD) }, stdio: [...stdio, process.stderr.fd] };
}

/**
 * The launcher's part: passes on the lines that the program's process writes.
 * @param {{ readonly stderr: import('node:stream').Readable }} child
 * @param {NodeJS.WritableStream} to
 */
export function passErrors(child, to = process.stderr) {
  // Nobody reads any more: the program goes on, and so must what it writes to.
  to.on('error', () => {});
  let unfinished = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop();
    const kept = lines.filter((line) => !isNativeInfo(line));
    if (kept.length > 0) to.write(`${kept.join('\n')}\n`);
  });
  child.stderr.on('end', () => to.write(unfinished));
}

/** What a view at the bottom of a terminal leaves when its program is killed: it is erased, lines wrap again, and the cursor is back. */
const LEAVE_VIEW = '\r\x1b[J\x1b[?7h\x1b[?25h\x1b[?2026l';

/**
 * The launcher's part: puts a terminal in order again that a program had when a signal ended it.
 * @param {{ write(text: string): unknown, readonly isTTY?: boolean }} terminal
 */
export function restoreTerminal(terminal = process.stderr) {
  if (terminal.isTTY && process.env['TERM'] !== 'dumb') terminal.write(LEAVE_VIEW);
}

/** The program's part: `process.stderr` is the terminal again, with its size and colours, where the launcher has one. */
export function takeTerminal() {
  const fd = process.env[TERMINAL];
  // Its own children have no such descriptor.
  delete process.env[TERMINAL];
  if (fd === undefined) return;
  const terminal = new WriteStream(Number(fd));
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, value: terminal });
  // As Node does for its own streams.
  process.on('SIGWINCH', () => terminal['_refreshSize']());
}
