import { expect, test } from 'vitest';
import { digestOfToken, newToken, ROLES, TokenBook, type Role } from './tokens.ts';
import { BrowserSessions, LINK_MS, SESSION_MS, type Cookie } from './browser-sessions.ts';

const known = (role: Role) => ({ role, digest: digestOfToken(newToken(role)) });
const headerOf = (cookies: readonly Cookie[] | null) =>
  cookies!.map(({ name, value }) => `${name}=${value}`).join('; ');

function sessionsAtTime() {
  const tokens = new TokenBook(ROLES.map(known));
  const clock = { nowMs: Date.UTC(2026, 0, 1) };
  const [token, operator] = (['viewer', 'operator'] as const).map((role) =>
    tokens.tokens.find((each) => each.role === role)!,
  );
  return {
    tokens,
    token: token!,
    operator: operator!,
    clock,
    sessions: new BrowserSessions(tokens, () => clock.nowMs),
  };
}

test('a link is used once, and its session is worth the token it was made with', () => {
  const { sessions, token } = sessionsAtTime();
  const secret = sessions.newLink(token, 'viewer');
  const cookies = sessions.redeem(secret)!;
  expect(sessions.redeem(secret)).toBeNull();
  expect(sessions.tokenOf(`other=1; ${headerOf(cookies)}`, 'viewer')).toBe(token);
  const { name, value } = cookies[0]!;
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
    expect(sessions.tokenOf(header, 'viewer')).toBeNull();
  }
});

test('a link and a session end with their time', () => {
  const { clock, sessions, token } = sessionsAtTime();
  const [early, late] = [sessions.newLink(token, 'viewer'), sessions.newLink(token, 'viewer')];
  clock.nowMs += LINK_MS - 1;
  const cookie = headerOf(sessions.redeem(early));
  clock.nowMs += 1;
  expect(sessions.redeem(late)).toBeNull();
  clock.nowMs += SESSION_MS.viewer - 2;
  expect(sessions.tokenOf(cookie, 'viewer')).toBe(token);
  clock.nowMs += 1;
  expect(sessions.tokenOf(cookie, 'viewer')).toBeNull();
});

test('a session outlives the coordinator, but not its token', () => {
  const { tokens, sessions, token, clock } = sessionsAtTime();
  const cookie = headerOf(sessions.redeem(sessions.newLink(token, 'viewer')));
  expect(new BrowserSessions(tokens, () => clock.nowMs).tokenOf(cookie, 'viewer')).toBe(token);
  tokens.replace([known('viewer')]);
  expect(sessions.tokenOf(cookie, 'viewer')).toBeNull();
});

test('of many links the oldest are no longer valid: nobody fills the memory', () => {
  const { sessions, token } = sessionsAtTime();
  const links = Array.from({ length: 101 }, () => sessions.newLink(token, 'viewer'));
  expect(links.map((link) => sessions.redeem(link) !== null)).toEqual([false, ...Array(100).fill(true)]);
});

test("an operator's link may steer for an hour and watch for longer; no other cookie steers", () => {
  const { clock, sessions, operator, token } = sessionsAtTime();
  const redeemed = (known: typeof token, role: 'viewer' | 'operator') =>
    sessions.redeem(sessions.newLink(known, role))!;
  const steering = headerOf(redeemed(operator, 'operator'));
  expect([sessions.tokenOf(steering, 'operator'), sessions.tokenOf(steering, 'viewer')]).toEqual([operator, operator]);
  const [watching] = redeemed(operator, 'viewer');
  const proofUnderOtherName = `${redeemed(operator, 'operator')[1]!.name}=${watching!.value}`;
  for (const header of [headerOf([watching!]), proofUnderOtherName, headerOf(redeemed(token, 'viewer'))]) {
    expect(sessions.tokenOf(header, 'operator')).toBeNull();
  }
  clock.nowMs += SESSION_MS.operator;
  expect([sessions.tokenOf(steering, 'operator'), sessions.tokenOf(steering, 'viewer')]).toEqual([null, operator]);
});
