import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { testConfig } from '@convoy/training/config.fixture';
import { logLines } from './log-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-logs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a run without a log is refused in one line, which names the log', async () => {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(testConfig({})));
  const lines = logLines(folder, { from: 0, follows: false, signal: new AbortController().signal });
  await expect(lines.next()).rejects.toMatchObject({
    message: `can't read ${join(folder, 'events.jsonl')}: there is no such file or folder (ENOENT); check the name`,
    exitCode: exitCodes.data,
  });
});
