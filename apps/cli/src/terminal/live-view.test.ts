import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveView, type Terminal } from './live-view.ts';
import { Screen } from './screen.fixture.ts';

class FakeTerminal extends EventEmitter implements Terminal {
  readonly isTTY = true;
  sent = '';
  readonly #screen: Screen;

  constructor(
    public columns: number,
    public rows = 10,
  ) {
    super();
    this.#screen = new Screen({ columns: columns || 80, rows: rows || 24 });
  }

  write(chunk: string | Uint8Array): boolean {
    this.sent += String(chunk);
    this.#screen.write(String(chunk));
    return true;
  }

  async resize(columns: number, rows = this.rows): Promise<void> {
    await this.#screen.resize(columns, rows);
    [this.columns, this.rows] = [columns, rows];
    this.emit('resize');
  }

  /** What can be read on it, whatever the spinner shows. */
  async read(): Promise<readonly string[]> {
    return (await this.#screen.lines()).map((line) => line.replace(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] /, '* '));
  }

  get isCursorShown(): boolean {
    return this.sent.lastIndexOf('\x1b[?25h') > this.sent.lastIndexOf('\x1b[?25l');
  }
}

// What the emulator itself waits for is real.
beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** A view whose lines are what they are at each frame. */
function viewOf(lines: string[], terminal: FakeTerminal): LiveView {
  const view = new LiveView(terminal);
  view.show(() => lines);
  return view;
}

const frame = () => vi.advanceTimersByTime(100);

describe('LiveView', () => {
  it('changes in place, and what is written meanwhile stays above it', async () => {
    const terminal = new FakeTerminal(40);
    const lines = ['epoch 1', 'worker 0', 'worker 1'];
    const view = viewOf(lines, terminal);
    terminal.write('worker 2 joined\n');
    terminal.write('epoch 1 has ended\n');
    lines[0] = 'epoch 2';
    frame();
    expect(await terminal.read()).toEqual([
      'worker 2 joined',
      'epoch 1 has ended',
      '* epoch 2',
      '  worker 0',
      '  worker 1',
    ]);
    lines.push('worker 2');
    frame();
    expect(await terminal.read()).toHaveLength(6);
    lines.length = 1;
    frame();
    expect(await terminal.read()).toEqual(['worker 2 joined', 'epoch 1 has ended', '* epoch 2']);
    view.stop();
    expect(await terminal.read()).toEqual(['worker 2 joined', 'epoch 1 has ended']);
    expect(terminal.isCursorShown).toBe(true);
  });

  it('sends what has changed and nothing else, at most ten times a second', () => {
    const terminal = new FakeTerminal(80);
    const lines = ['epoch 1', 'worker 0', 'worker 1'];
    const view = viewOf(lines, terminal);
    terminal.sent = '';
    frame();
    expect(terminal.sent).toBe('⠙\r');
    terminal.sent = '';
    lines[1] = 'worker 0 waits';
    lines[1] = 'worker 0 computes';
    frame();
    expect(terminal.sent).toContain('worker 0 computes');
    expect(terminal.sent).not.toMatch(/epoch|waits|worker 1/);
    terminal.sent = '';
    vi.advanceTimersByTime(10_000);
    // A spinner's step a frame, and all lines every two seconds for whoever has written over them.
    expect(terminal.sent.match(/worker 1/g)).toHaveLength(5);
    expect(Buffer.byteLength(terminal.sent)).toBeLessThan(1_500);
    view.stop();
  });

  it('takes a terminal that has not been told its size for an ordinary one', async () => {
    const terminal = new FakeTerminal(0, 0);
    const view = new LiveView(terminal);
    view.show((room) => ['x'.repeat(room.columns), String(room.rows)]);
    expect(await terminal.read()).toEqual([`* ${'x'.repeat(77)}`, '  24']);
    view.stop();
  });

  // How the other terminals do it, an end-to-end test sees in one of them.
  it('keeps every line above and leaves none behind while a terminal of an editor is made narrower, shorter and larger', async () => {
    vi.stubEnv('TERM_PROGRAM', 'vscode');
    const terminal = new FakeTerminal(70, 20);
    const view = new LiveView(terminal);
    const above = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    terminal.write(`${above.join('\n')}\n`);
    view.show((room) => Array.from({ length: 5 }, (_, n) => `${n} `.repeat(room.columns).slice(0, room.columns)));
    for (const [columns, rows] of [
      [30, 20],
      [100, 30],
      [50, 30],
      [60, 8],
    ] as const) {
      await terminal.resize(columns, rows);
      frame();
      const read = await terminal.read();
      expect(read.slice(0, 20)).toEqual(above);
      expect(read.slice(20).map((line) => line.length)).toEqual(Array(5).fill(read[20]!.length));
    }
    view.stop();
    expect(await terminal.read()).toEqual(above);
  });

  it('has one line less than the terminal at most', async () => {
    const terminal = new FakeTerminal(40, 4);
    const view = viewOf(['a', 'b', 'c', 'd', 'e'], terminal);
    expect(await terminal.read()).toEqual(['* a', '  b', '  c']);
    view.stop();
  });

  it('keeps a line that is wider than it was counted in its row', async () => {
    const terminal = new FakeTerminal(20);
    const view = viewOf(['x'.repeat(50), 'next'], terminal);
    expect(await terminal.read()).toHaveLength(2);
    view.stop();
  });

  it('is whole again soon after somebody else wrote over it', async () => {
    const terminal = new FakeTerminal(40);
    const view = viewOf(['epoch 1', 'worker 0'], terminal);
    Object.getPrototypeOf(terminal).write.call(terminal, 'not by this process\n');
    vi.advanceTimersByTime(2_000);
    const read = await terminal.read();
    expect(read.slice(-2)).toEqual(['* epoch 1', '  worker 0']);
    expect(read).toHaveLength(3);
    view.stop();
  });

  it('waits for the rest of a line that somebody began', async () => {
    const terminal = new FakeTerminal(40);
    const view = viewOf(['step 1'], terminal);
    terminal.write('reading ');
    vi.advanceTimersByTime(800);
    terminal.write('images\n');
    frame();
    expect(await terminal.read()).toEqual(['reading images', '* step 1']);
    view.stop();
  });

  it('puts what goes to another stream of the same terminal above as well, and gives both back', () => {
    const [terminal, other] = [new FakeTerminal(40), new FakeTerminal(40)];
    const writes = [terminal.write, other.write];
    const view = new LiveView(terminal, [other]);
    view.show(() => ['step 1']);
    terminal.sent = '';
    other.write('a result\n');
    expect(terminal.sent).toBe('\x1b[J');
    frame();
    expect(terminal.sent).toContain('step 1');
    view.stop();
    expect([terminal.write, other.write]).toEqual(writes);
  });
});
