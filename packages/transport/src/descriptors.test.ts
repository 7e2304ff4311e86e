import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { affordable } from './descriptors.ts';
import { shareOut } from './listen.ts';

const limitsOf = (soft: string) =>
  `Limit   Soft Limit  Hard Limit  Units\nMax open files            ${soft}  1048576  files\n`;

describe('the sockets that a process can afford', () => {
  it('leave a reserve of descriptors', () => {
    expect(affordable(limitsOf('1024'), 24)).toBe(1024 - 24 - 256);
    expect(affordable(limitsOf('256'), 24)).toBe(256 - 24 - 64);
    expect(affordable(limitsOf('16'), 24)).toBe(1);
    expect(affordable(limitsOf('unlimited'), 24)).toBe(Infinity);
  });

  it('are divided so that all fit, and nobody gets more than is wanted', () => {
    const wanted = { connections: 4096, strangers: 256 };
    expect(shareOut(Infinity, wanted)).toEqual({ connections: 4096, strangers: 256, unasked: 2048, sockets: 8448 });
    for (const limit of [8, 100, 700, 3_000]) expect(shareOut(limit, wanted).sockets).toBeLessThanOrEqual(limit);
  });

  const isLinux = process.platform === 'linux';
  it.runIf(isLinux)(
    'silent connections take none that a file needs, and keep nobody out',
    { timeout: 60_000 },
    async () => {
      const main = fileURLToPath(new URL('./descriptors.fixture.ts', import.meta.url));
      const child = spawn('bash', ['-c', 'ulimit -n 256; exec "$0" --import tsx "$1"', process.execPath, main], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const code = await new Promise((resolve) => child.on('close', resolve));
      expect({ code, output }).toEqual({ code: 0, output: 'the file was written, and the peer was heard: hello\n' });
    },
  );
});
