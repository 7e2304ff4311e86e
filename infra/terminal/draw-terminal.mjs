// node infra/terminal/draw-terminal.mjs
//
// Trains on CIFAR-10 with two workers in a pseudo-terminal, and draws what is shown as docs/terminal.svg, which the README has. CIFAR10_DIR
// names the data.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordTerminal } from './record.mjs';
import { terminalSvg } from './svg.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'apps', 'cli', 'bin', 'convoy.mjs');
const ARGUMENTS = ['train', '--recipe', 'quick', '--steps', '150', '--workers', '2'];
const SIZE = { columns: 96, rows: 20 };
const SPEED = 4;

// A folder as its user has one: with the package installed, and the data in it.
const folder = mkdtempSync(join(tmpdir(), 'convoy-terminal-'));
try {
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(PROGRAM, join(folder, 'node_modules', '.bin', 'convoy'));
  if (process.env['CIFAR10_DIR'] === undefined) throw new Error('set CIFAR10_DIR');
  symlinkSync(resolve(process.env['CIFAR10_DIR']), join(folder, 'cifar-10-batches-bin'));
  const frames = await recordTerminal([process.execPath, PROGRAM, ...ARGUMENTS], {
    ...SIZE,
    everyMs: 1_000,
    prompt: `npx convoy ${ARGUMENTS.join(' ')}`,
    cwd: folder,
    env: { ...process.env, CIFAR10_DIR: 'cifar-10-batches-bin' },
  });
  const title = 'A terminal in which convoy trains on CIFAR-10 with two workers, and says what to type next';
  const svg = terminalSvg(frames, { ...SIZE, speed: SPEED, holdMs: 6_000, title });
  writeFileSync(join(ROOT, 'docs', 'terminal.svg'), svg);
  process.stdout.write(`docs/terminal.svg: ${(svg.length / 1000).toFixed(0)} KB, ${frames.length} frames\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
