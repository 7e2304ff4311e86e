import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  answerRequests,
  answerTo,
  forgetRequests,
  leaveRequest,
  withdrawRequest,
  type OperatorRequest,
} from './requests.ts';

const run = mkdtempSync(join(tmpdir(), 'convoy-requests-'));
afterAll(() => rmSync(run, { recursive: true, force: true }));

describe('requests to the process that serves a run', () => {
  it('are answered once each: granted, or with the reason why not', () => {
    const [granted, refused] = [0, 9].map((rank) => leaveRequest(run, { type: 'drain', rank }));
    expect(answerTo(run, granted!)).toBeUndefined();
    const asked: OperatorRequest[] = [];
    const grant = (request: OperatorRequest) => {
      asked.push(request);
      return asked.length === 1 ? null : 'once is enough';
    };
    answerRequests(run, grant);
    answerRequests(run, grant);
    expect(asked.map((request) => (request.type === 'drain' ? request.rank : -1)).sort()).toEqual([0, 9]);
    expect([granted, refused].map((name) => answerTo(run, name!))).toEqual(
      expect.arrayContaining(['once is enough', null]),
    );
    for (const name of [granted!, refused!]) withdrawRequest(run, name);
    expect(readdirSync(join(run, 'requests'))).toEqual([]);
  });

  it('that are nonsense are refused, and what is no request is left alone', () => {
    mkdirSync(join(run, 'requests'), { recursive: true });
    for (const [name, text] of [
      ['0123456789abcdef.json', '{"type":"drain","rank":-1}'],
      ['0123456789abcdee.json', 'nonsense'],
      ['notes.txt', 'of somebody'],
    ] as const) {
      writeFileSync(join(run, 'requests', name), text);
    }
    answerRequests(run, () => null);
    for (const name of ['0123456789abcdef', '0123456789abcdee']) {
      expect(answerTo(run, name)).toBe('it is no request that this version knows');
    }
    expect(readdirSync(join(run, 'requests'))).toContain('notes.txt');
  });

  it('of an earlier process are forgotten, and a run without any is no fault', () => {
    leaveRequest(run, { type: 'drain', rank: 0 });
    forgetRequests(run);
    answerRequests(run, () => {
      throw new Error('nobody asked');
    });
    forgetRequests(run);
  });
});
