import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveLine, type Terminal } from './live-line.ts';

/** A terminal of rows and columns that understands what a live line sends, and breaks rows anew when it is resized, as most do. */
class FakeTerminal extends EventEmitter implements Terminal {
  readonly isTTY = true;
  columns: number;
  cursorVisible = true;
  sent = '';
  /** Lines as they were written, each broken over as many rows as it needs. */
  #lines: string[] = [''];
  #column = 0;
  #wraps = true;

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  write(chunk: string | Uint8Array): boolean {
    this.sent += String(chunk);
    for (const [token] of String(chunk).matchAll(/\x1b\[\??\d*[A-Za-z]|[^\x1b]/gsu)) this.#take(token);
    return true;
  }

  resize(columns: number): void {
    this.columns = columns;
    this.emit('resize');
  }

  /** What can be read on it. */
  get screen(): string[] {
    return this.#lines.at(-1) === '' ? this.#lines.slice(0, -1) : [...this.#lines];
  }

  #take(token: string): void {
    const at = this.#lines.length - 1;
    const line = this.#lines[at]!;
    if (token === '\x1b[?7l') this.#wraps = false;
    else if (token === '\x1b[?7h') this.#wraps = true;
    else if (token === '\x1b[?25l') this.cursorVisible = false;
    else if (token === '\x1b[?25h') this.cursorVisible = true;
    else if (token === '\x1b[J') this.#lines[at] = line.slice(0, this.#column);
    else if (token === '\r') this.#column = 0;
    else if (token === '\n') {
      this.#lines.push('');
      this.#column = 0;
    } else if (token.startsWith('\x1b')) throw new Error(`a live line does not send ${JSON.stringify(token)}`);
    else {
      if (!this.#wraps && this.columns > 0) this.#column = Math.min(this.#column, this.columns - 1);
      this.#lines[at] = line.slice(0, this.#column) + token + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('LiveLine', () => {
  it('changes in place, and what is written meanwhile stays above it', () => {
    const terminal = new FakeTerminal(40);
    const line = new LiveLine(terminal);
    line.set('step 1');
    terminal.write('epoch 1 has ended\n');
    line.set('step 2');
    expect(terminal.screen).toEqual(['epoch 1 has ended', '⠋ step 2']);
    vi.advanceTimersByTime(80);
    expect(terminal.screen).toEqual(['epoch 1 has ended', '⠙ step 2']);
    line.stop();
    expect(terminal.screen).toEqual(['epoch 1 has ended']);
    expect(terminal.cursorVisible).toBe(true);
  });

  it.each([0, undefined])('writes a line of ordinary length to a terminal that says it has %s columns', (columns) => {
    const terminal = new FakeTerminal(columns as number);
    const line = new LiveLine(terminal);
    line.set('x'.repeat(300));
    vi.advanceTimersByTime(800);
    expect(terminal.screen).toEqual([`⠋ ${'x'.repeat(77)}`]);
    expect(terminal.sent.length).toBeLessThan(2_000);
    line.stop();
  });

  it('never moves the cursor up, so a narrower or wider terminal keeps every line above and gets no dead one', () => {
    const terminal = new FakeTerminal(60);
    const line = new LiveLine(terminal);
    terminal.write('above\n');
    line.set('step 1/8 · loss 2.3026 · 0:42 left · 812 samples/s');
    for (const columns of [30, 12, 100, 8, 60]) {
      terminal.resize(columns);
      expect(terminal.screen[0]).toBe('above');
      expect(terminal.screen).toHaveLength(2);
      expect(terminal.screen[1]!.length).toBeLessThan(columns);
    }
    line.stop();
  });

  it('shows as many whole parts as the terminal has room for', () => {
    const terminal = new FakeTerminal(30);
    const line = new LiveLine(terminal);
    line.set('step 1/8 · loss 2.3026 · 0:42 left · 812 samples/s');
    expect(terminal.screen).toEqual(['⠋ step 1/8 · loss 2.3026']);
    terminal.resize(80);
    expect(terminal.screen).toEqual(['⠋ step 1/8 · loss 2.3026 · 0:42 left · 812 samples/s']);
    line.stop();
  });

  it('waits for the rest of a line that somebody began', () => {
    const terminal = new FakeTerminal(40);
    const line = new LiveLine(terminal);
    line.set('step 1');
    terminal.write('reading ');
    vi.advanceTimersByTime(800);
    terminal.write('images\n');
    expect(terminal.screen).toEqual(
      ['reading images', '⠋ step 1'].map((text) => text.replace('⠋', terminal.screen[1]![0]!)),
    );
    line.stop();
  });

  it('puts what goes to another stream of the same terminal above as well, and gives both back', () => {
    const [terminal, other] = [new FakeTerminal(40), new FakeTerminal(40)];
    const writes = [terminal.write, other.write];
    const line = new LiveLine(terminal, [other]);
    line.set('step 1');
    other.write('a result\n');
    expect(terminal.sent.match(/\x1b\[J/g)).toHaveLength(3);
    line.stop();
    expect([terminal.write, other.write]).toEqual(writes);
  });
});
