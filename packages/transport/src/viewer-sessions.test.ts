import { expect, test } from 'vitest';
import { digestOfToken, newToken, ROLES, TokenBook, type Role } from './tokens.ts';
import { LINK_MS, SESSION_MS, ViewerSessions, type Cookie } from './viewer-sessions.ts';

const known = (role: Role) => ({ role, digest: digestOfToken(newToken(role)) });
const headerOf = ({ name, value }: Cookie) => `${name}=${value}`;

function sessionsAtTime() {
  const tokens = new TokenBook(ROLES.map(known));
  const clock = { nowMs: Date.UTC(2026, 0, 1) };
  const token = tokens.tokens.find(({ role }) => role === 'viewer')!;
  return { tokens, token, clock, sessions: new ViewerSessions(tokens, () => clock.nowMs) };
}

test('a link is used once, and its session is worth the token it was made with', () => {
  const { sessions, token } = sessionsAtTime();
  const secret = sessions.newLink(token);
  const cookie = sessions.redeem(secret)!;
  expect(sessions.redeem(secret)).toBeNull();
  expect(sessions.tokenOf(`other=1; ${headerOf(cookie)}`)).toBe(token);
  const { name, value } = cookie;
  const longer = `${Number(value.split('.')[0]) + 1}.${value.split('.')[1]}`;
  for (const header of [
    undefined,
    '',
    name,
    value,
    `${name}=`,
    `${name}=${secret}`,
    `x=${value}`,
    `${name}=${longer}`,
  ]) {
    expect(sessions.tokenOf(header)).toBeNull();
  }
});

test('a link and a session end with their time', () => {
  const { clock, sessions, token } = sessionsAtTime();
  const [early, late] = [sessions.newLink(token), sessions.newLink(token)];
  clock.nowMs += LINK_MS - 1;
  const cookie = headerOf(sessions.redeem(early)!);
  clock.nowMs += 1;
  expect(sessions.redeem(late)).toBeNull();
  clock.nowMs += SESSION_MS - 2;
  expect(sessions.tokenOf(cookie)).toBe(token);
  clock.nowMs += 1;
  expect(sessions.tokenOf(cookie)).toBeNull();
});

test('a session outlives the coordinator, but not its token', () => {
  const { tokens, sessions, token, clock } = sessionsAtTime();
  const cookie = headerOf(sessions.redeem(sessions.newLink(token))!);
  expect(new ViewerSessions(tokens, () => clock.nowMs).tokenOf(cookie)).toBe(token);
  tokens.replace([known('viewer')]);
  expect(sessions.tokenOf(cookie)).toBeNull();
});

test('of many links the oldest are no longer valid: nobody fills the memory', () => {
  const { sessions, token } = sessionsAtTime();
  const links = Array.from({ length: 101 }, () => sessions.newLink(token));
  expect(links.map((link) => sessions.redeem(link) !== null)).toEqual([false, ...Array(100).fill(true)]);
});
