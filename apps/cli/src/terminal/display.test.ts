import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Display } from './display.ts';

beforeEach(() => {
  vi.stubEnv('TERM', 'xterm');
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('FORCE_COLOR', undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** A display on a stream, and what the stream was sent. */
function displayOn(isTTY: boolean, quiet = false) {
  const sent: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    rows: 24,
    write: (chunk: string | Uint8Array) => sent.push(String(chunk)) > 0,
    on: () => {},
    off: () => {},
  };
  return { display: new Display({ stream, others: [], quiet }), text: () => sent.join('') };
}

/** Everything that it can be asked to show. */
function use(display: Display): void {
  display.line('worker 0 joined');
  display.status('starting 2 workers');
  display.download(46e6, 170e6);
  display.warn('a worker left');
  display.result('✔ test accuracy 76.79 %');
  display.close();
}

describe('a display', () => {
  it('has a view and colours on a terminal, and takes the view away', () => {
    const { display, text } = displayOn(true);
    use(display);
    expect(text()).toMatch(/starting 2 workers/);
    expect(text()).toMatch(/\x1b\[33m! a worker left/);
    expect(text()).toMatch(/\x1b\[J\x1b\[\?25h$/);
  });

  it('has a view without colours where NO_COLOR asks for none', () => {
    vi.stubEnv('NO_COLOR', '1');
    const { display, text } = displayOn(true);
    use(display);
    expect(text()).toContain('starting 2 workers');
    expect(text()).toContain('\x1b[?25l');
    expect(text()).not.toMatch(/\x1b\[[\d;]*m/);
  });

  it.each([
    ['a file', false, 'xterm'],
    ['a terminal that can only print', true, 'dumb'],
  ])('has lines and nothing else in %s', (_, isTTY, terminal) => {
    vi.stubEnv('TERM', terminal);
    const { display, text } = displayOn(isTTY);
    use(display);
    expect(text()).toBe('worker 0 joined\n  starting 2 workers\n! a worker left\n✔ test accuracy 76.79 %\n');
  });

  it('says nothing but what is wrong and how it ended when it is quiet', () => {
    const { display, text } = displayOn(false, true);
    use(display);
    expect(text()).toBe('! a worker left\n✔ test accuracy 76.79 %\n');
  });

  it('tells a log how far a download is, and for whom it waits, with the command that helps', () => {
    const { display, text } = displayOn(false);
    display.download(46e6, 170e6);
    display.workerCommand = 'npx tfjs-convoy worker --url ws://192.0.2.10:7311';
    display.show({ at: 0, type: 'waiting', workers: 0, minWorkers: 1 });
    expect(text()).toBe(
      '  downloading CIFAR-10: 46 of 170 MB\n' +
        '  waiting for a worker; start one with: npx tfjs-convoy worker --url ws://192.0.2.10:7311\n',
    );
  });
});
