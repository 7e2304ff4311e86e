import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readTokenFile } from '@convoy/transport/token-file';
import { ROLES } from '@convoy/transport/tokens';
import { guardDoor, missingGuards } from './guarded-door.ts';
import { makeTokenFile, rotateToken } from './make-tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-make-tokens-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a token file has a token of each role, is for this user alone and overwrites nothing', () => {
  const path = join(folder, 'made');
  const tokens = makeTokenFile(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readTokenFile(path).map(({ role, text }) => [role, text])).toEqual(ROLES.map((role, i) => [role, tokens[i]]));
  expect(() => makeTokenFile(path)).toThrow('is there already');
  expect(() => makeTokenFile(join(folder, 'none', 'made'))).toThrow('no such file or folder');
});

it('a rotated token comes beside the one before it, and takes the place of the oldest of two', () => {
  const path = join(folder, 'rotated');
  const [first, operator, viewer] = makeTokenFile(path);
  const second = rotateToken(path, 'worker');
  const third = rotateToken(path, 'worker');
  expect([second.removed, third.removed]).toEqual([false, true]);
  expect(readTokenFile(path).map(({ text }) => text)).toEqual([operator, viewer, second.token, third.token]);
  expect(readFileSync(path, 'utf8')).not.toContain(first);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('a door for a network that others use too lacks tokens and TLS until it has them', async () => {
  const about = { environment: {}, runFolder: join(folder, 'runs', 'one'), onNote: () => {} };
  const open = await guardDoor({}, about);
  expect(await missingGuards('0.0.0.0', open)).toEqual(['tokens', 'TLS']);
  for (const host of ['127.0.0.1', '::1', 'localhost']) expect(await missingGuards(host, open)).toEqual([]);
  const tokenFile = join(folder, 'for-a-door');
  makeTokenFile(tokenFile);
  const guarded = await guardDoor({ tokenFile, tls: 'self-signed' }, about);
  expect(await missingGuards('0.0.0.0', guarded)).toEqual([]);
  guarded.tokens.close();
  // The next run beside it shows the same certificate.
  const next = await guardDoor({ tls: 'self-signed' }, { ...about, runFolder: join(folder, 'runs', 'two') });
  expect(next.tls!.fingerprint).toBe(guarded.tls!.fingerprint);
  expect(await missingGuards('0.0.0.0', next)).toEqual(['tokens']);
});

it('a certificate without its key is a mistake that is told', async () => {
  writeFileSync(join(folder, 'cert.pem'), '');
  const guarding = guardDoor({ tlsCert: join(folder, 'cert.pem') }, { environment: {}, onNote: () => {} });
  await expect(guarding).rejects.toThrow('give both --tls-cert and --tls-key');
});
