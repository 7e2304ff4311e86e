import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { isWaitedForByNpm, passSignals } from './pass-signals.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGWINCH', 'SIGHUP', 'SIGTSTP', 'SIGCONT'];

/** A program that notes the signals it is sent. */
class FakeChild extends EventEmitter {
  signals = [];
  kill(signal) {
    this.signals.push(signal);
  }
}

afterEach(() => {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
});

describe('passSignals', () => {
  it('passes on what ends the program and what says that the terminal has another size', () => {
    const child = new FakeChild();
    passSignals(child, [{ isTTY: true }]);
    for (const signal of ['SIGWINCH', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT']) process.emit(signal, signal);
    expect(child.signals).toEqual(['SIGWINCH', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT']);
  });

  it('goes on when a terminal closes that it does not use, as under nohup', () => {
    const child = new FakeChild();
    passSignals(child, [{}, {}, { isTTY: false }]);
    process.emit('SIGHUP', 'SIGHUP');
    expect(child.signals).toEqual([]);
  });
});

describe('isWaitedForByNpm', () => {
  it.each([
    "'convoy' train --single",
    'convoy train',
    'node_modules/.bin/convoy train --resume runs/x',
    'node infra/setup.mjs && node apps/cli/bin/convoy.mjs train --recipe quick',
  ])('is true where npm runs the program until its end: %s', (script) => expect(isWaitedForByNpm(script)).toBe(true));

  it.each([undefined, '', 'convoy train &', 'bash train.sh', 'nohup convoy train > log &', 'echo convoy', 'convoyed'])(
    'is false where the shell may end before the program: %s',
    (script) => expect(isWaitedForByNpm(script)).toBe(false),
  );
});
