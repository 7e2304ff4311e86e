import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { isNativeInfo, passErrors, programStreams } from './standard-error.mjs';

const GREETING = [
  'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR',
  'I0000 00:00:1796082255.586714    1409 port.cc:153] oneDNN custom operations are on. To turn them off, set a variable.',
];

describe('isNativeInfo', () => {
  it.each(GREETING)('is true of what the library says when it loads: %s', (line) => {
    expect(isNativeInfo(line)).toBe(true);
  });

  it.each([
    'E0000 00:00:1796082255.586714    1409 gpu.cc:1] no memory',
    'W0000 00:00:1796082255.586714    1409 gpu.cc:1] little memory',
    'convoy: no such folder',
    '',
  ])('is false of warnings, errors and lines of our own: %s', (line) => expect(isNativeInfo(line)).toBe(false));
});

describe('passErrors', () => {
  it('passes on all other lines as they are, however they arrive', async () => {
    const stderr = new PassThrough();
    const to = new PassThrough();
    passErrors({ stderr }, to);
    const said = text(to);
    const bytes = Buffer.from(`${GREETING.join('\n')}\n1 µs\n\n${GREETING[1]}\nand no end of line`);
    for (const byte of bytes) stderr.write(Buffer.from([byte]));
    stderr.end().on('close', () => to.end());
    expect(await said).toBe('1 µs\n\nand no end of line');
  });

  it('goes on reading when nobody reads what it passes on', async () => {
    const stderr = new PassThrough();
    const to = new PassThrough();
    passErrors({ stderr }, to);
    to.destroy(new Error('EPIPE'));
    for (let line = 0; line < 10_000; line++) {
      if (!stderr.write(`line ${line}\n`)) await new Promise((resolve) => stderr.once('drain', resolve));
    }
    expect(stderr.writableNeedDrain).toBe(false);
  });
});

describe('programStreams', () => {
  it('names the terminal to the program only where there is one', () => {
    expect(programStreams({ A: 'b' }, false)).toEqual({
      env: { A: 'b' },
      stdio: ['inherit', 'inherit', 'pipe', 'ipc'],
    });
    expect(programStreams({ A: 'b' }, true)).toEqual({
      env: { A: 'b', CONVOY_TERMINAL: '4' },
      stdio: ['inherit', 'inherit', 'pipe', 'ipc', 2],
    });
  });
});
