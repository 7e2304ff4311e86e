import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

/** Runs a command in a pseudo-terminal. */
const PTY = fileURLToPath(new URL('../../test/support/terminal.py', import.meta.url));

/**
 * Some characters of one row with the same look.
 * @typedef {{ readonly text: string, readonly column: number, readonly color: number | null, readonly isDim: boolean, readonly isBold: boolean }} Run
 *
 * What a terminal shows from a moment on, row by row.
 * @typedef {{ readonly ms: number, readonly rows: readonly (readonly Run[])[] }} Frame
 */

/**
 * Records what a command shows in a terminal, from the command line that is typed to its end.
 *
 * @param {readonly string[]} command
 * @param {{ columns: number, rows: number, everyMs: number, prompt: string, cwd: string, env: NodeJS.ProcessEnv }} options `prompt` is the
 *   line that is typed; a frame is taken every so many milliseconds.
 * @returns {Promise<readonly Frame[]>}
 */
export async function recordTerminal(command, { columns, rows, everyMs, prompt, cwd, env }) {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const write = (text) => new Promise((resolve) => terminal.write(text, () => resolve(undefined)));
  const frames = [];
  const beganAt = performance.now();
  const take = async () => {
    await write('');
    frames.push({ ms: performance.now() - beganAt, rows: rowsOf(terminal) });
  };
  await write(`\x1b[32m$\x1b[39m ${prompt}\r\n`);
  await take();
  const child = spawn('python3', [PTY, String(rows), String(columns), ...command], {
    cwd,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8').on('data', (text) => void write(text));
  const timer = setInterval(take, everyMs);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`);
  await write('\x1b[32m$\x1b[39m ');
  await take();
  return frames;
}

/** @returns {readonly (readonly Run[])[]} */
function rowsOf(terminal) {
  const { active } = terminal.buffer;
  return Array.from({ length: terminal.rows }, (_, row) =>
    runsOf(active.getLine(active.viewportY + row), terminal.cols),
  );
}

function runsOf(line, columns) {
  const runs = [];
  for (let column = 0; column < columns; column++) {
    const cell = line.getCell(column);
    const text = cell.getChars() || ' ';
    const color = cell.isFgPalette() ? cell.getFgColor() : null;
    const [isDim, isBold] = [cell.isDim() !== 0, cell.isBold() !== 0];
    const last = runs.at(-1);
    if (last && last.color === color && last.isDim === isDim && last.isBold === isBold) last.text += text;
    else runs.push({ text, column, color, isDim, isBold });
  }
  return runs.map((run) => ({ ...run, text: run.text.trimEnd() })).filter(({ text }) => text !== '');
}
