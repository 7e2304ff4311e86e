import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FailureLimits } from './failure-limits.ts';
import { readTokenFile } from './token-file.ts';
import { clientToken, serverTokens, withoutTokens } from './token-source.ts';
import { digestOfToken, nameOfToken, newToken, roleOfToken, ROLES, TokenBook } from './tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-tokens-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(text: string, mode = 0o600): string {
  const path = join(folder, `tokens-${files++}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const worker = newToken('worker');
const operator = newToken('operator');
const digest = (token: string) => digestOfToken(token).toString('hex');

describe('a token', () => {
  it('has 256 bits, is never the same twice, and says its role', () => {
    for (const role of ROLES) {
      const [one, two] = [newToken(role), newToken(role)];
      expect(one).not.toBe(two);
      expect(Buffer.from(one.slice(3), 'base64url')).toHaveLength(32);
      expect(roleOfToken(one)).toBe(role);
    }
    expect(['', 'cw_', `${worker}x`, worker.slice(1), `xx${worker.slice(2)}`].map(roleOfToken)).toEqual(
      Array(5).fill(null),
    );
  });

  it('is named in logs by its role and the head of its digest', () => {
    expect(nameOfToken({ role: 'worker', digest: digestOfToken(worker) })).toBe(`worker ${digest(worker).slice(0, 8)}`);
  });

  it('is found among those that are valid, and nothing else is', () => {
    const book = new TokenBook([{ role: 'worker', digest: digestOfToken(worker) }]);
    expect(book.find(worker)?.role).toBe('worker');
    for (const other of ['', operator, worker.slice(0, -1), digest(worker), 'x'.repeat(100_000)]) {
      expect(book.find(other)).toBeNull();
    }
  });
});

describe('a token file', () => {
  it('has a token or the digest of one on each line, and comments', () => {
    const path = fileOf(`# ours\n${worker}   # of the lab\n\noperator sha256:${digest(operator)}\r\n`);
    expect(readTokenFile(path).map(({ role, text }) => [role, text])).toEqual([
      ['worker', worker],
      ['operator', null],
    ]);
    const { book } = serverTokens({ file: path, environment: {} }, () => {});
    expect(book!.find(operator)?.role).toBe('operator');
  });

  it.each([0o640, 0o604, 0o660, 0o777])('that others can read or change is refused: %o', (mode) => {
    const path = fileOf(worker, mode);
    expect(() => readTokenFile(path)).toThrow(`which holds tokens: chmod 600 ${path}`);
  });

  it('with a line that is no token is refused in words that do not repeat it', () => {
    const path = fileOf(`${worker}\n${operator}oops\n`);
    expect(() => readTokenFile(path)).toThrow(`${path}, line 2 is no token`);
    expect(() => readTokenFile(path)).not.toThrow(operator);
  });

  it('has two tokens of a role at most', () => {
    const path = fileOf([worker, newToken('worker'), newToken('worker')].join('\n'));
    expect(() => readTokenFile(path)).toThrow("has 3 worker's tokens; 2 are valid at a time");
  });

  it('that is missing, or holds none of the role that is needed, is told by its name', () => {
    expect(() => readTokenFile(join(folder, 'none'))).toThrow('there is no such file');
    const path = fileOf(worker);
    expect(() => clientToken({ file: path, environment: {} }, 'operator')).toThrow(`${path} holds no operator's token`);
    expect(() => serverTokens({ file: fileOf('# none\n'), environment: {} }, () => {})).toThrow('holds no token');
  });

  it('is read again when it changes, as a mounted secret does; what is wrong then changes nothing', async () => {
    const path = join(folder, 'mounted');
    symlinkSync(fileOf(worker), path);
    const notes: string[] = [];
    let told = () => {};
    const tokens = serverTokens({ file: path, environment: {} }, (line) => {
      notes.push(line);
      told();
    });
    const replaceBy = async (text: string, mode?: number) => {
      const noted = new Promise<void>((resolve) => (told = resolve));
      symlinkSync(fileOf(text, mode), `${path}.new`);
      renameSync(`${path}.new`, path);
      await noted;
    };
    const next = newToken('worker');
    await replaceBy(`${worker}\n${next}\n`);
    expect([worker, next].map((token) => tokens.book!.find(token)?.role)).toEqual(['worker', 'worker']);
    expect(tokens.workerToken()).toBe(next);
    await replaceBy(operator, 0o644);
    expect(notes.at(-1)).toContain('the tokens before it stay valid');
    expect(tokens.book!.find(next)?.role).toBe('worker');
    await replaceBy(next);
    expect([worker, next].map((token) => tokens.book!.find(token)?.role)).toEqual([undefined, 'worker']);
    tokens.close();
  });
});

describe('the environment', () => {
  it('gives a coordinator its tokens, two of a role with a comma between', () => {
    const next = newToken('worker');
    const environment = {
      CONVOY_WORKER_TOKEN: `${worker}, ${next}`,
      CONVOY_OPERATOR_TOKEN: operator,
      CONVOY_VIEWER_TOKEN: '',
    };
    const { book } = serverTokens({ environment }, () => {});
    expect([worker, next, operator].map((token) => book!.find(token)?.role)).toEqual(['worker', 'worker', 'operator']);
    expect(serverTokens({ environment: {} }, () => {}).book).toBeNull();
  });

  it('with a token of another role is refused in words that do not repeat it', () => {
    const environment = { CONVOY_WORKER_TOKEN: operator };
    expect(() => serverTokens({ environment }, () => {})).toThrow("CONVOY_WORKER_TOKEN holds no worker's token");
    expect(() => serverTokens({ environment }, () => {})).not.toThrow(operator);
  });

  it('gives whoever calls its token, and a file goes before it', () => {
    const environment = { CONVOY_TOKEN: worker, CONVOY_OPERATOR_TOKEN: operator };
    expect(clientToken({ environment }, 'worker')).toBe(worker);
    expect(clientToken({ environment: { CONVOY_OPERATOR_TOKEN: operator } }, 'viewer')).toBe(operator);
    expect(clientToken({ environment: {} }, 'worker')).toBeNull();
    const newest = newToken('worker');
    expect(clientToken({ file: fileOf(`${worker}\n${newest}`), environment }, 'worker')).toBe(newest);
  });

  it('that is none, or more than one, is refused before it is sent, in words that do not repeat it', () => {
    for (const text of ['secret', `${worker}\n${operator}`, `Bearer ${worker}`, `"${worker}"`]) {
      const given = () => clientToken({ environment: { CONVOY_TOKEN: text } }, 'worker');
      expect(given).toThrow('CONVOY_TOKEN holds no token');
      expect(given).not.toThrow(text);
    }
  });

  it('is kept from processes that have no business with the tokens', () => {
    const environment = { PATH: '/bin', CONVOY_TOKEN: worker, CONVOY_OPERATOR_TOKEN: operator };
    expect(withoutTokens(environment)).toEqual({ PATH: '/bin' });
  });
});

describe('failures of an address', () => {
  const options = { burst: 3, everyMs: 10_000 };

  it('are free up to a limit, then cost a wait; with time they are forgotten', () => {
    const limits = new FailureLimits(options);
    const waits = Array.from({ length: 5 }, () => limits.note('a', 0));
    expect(waits).toEqual([null, null, null, 10, 10]);
    expect(limits.note('b', 0)).toBeNull();
    expect(limits.note('a', 10_000)).toBeNull();
    expect(limits.note('a', 10_000)).toBe(10);
    expect(limits.note('a', 1e9)).toBeNull();
  });

  it('of ever new addresses take no memory without end', () => {
    const limits = new FailureLimits(options);
    for (let i = 0; i < 100_000; i++) limits.note(`address ${i}`, i);
    expect(limits.size).toBeLessThanOrEqual(4_096);
  });
});
