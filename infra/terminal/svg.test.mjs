import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { terminalSvg } from './svg.mjs';

const run = (text, more = {}) => ({ text, column: 0, color: null, isDim: false, isBold: false, ...more });
const OPTIONS = { columns: 20, rows: 2, speed: 2, holdMs: 1_000, title: 'a "terminal"' };

test('each row is drawn once, and what did not change makes no frame', () => {
  const first = [run('a & b', { color: 2 })];
  const frames = [
    { ms: 0, rows: [first, []] },
    { ms: 1_000, rows: [first, []] },
    { ms: 2_000, rows: [first, [run('━╸─')]] },
  ];
  const svg = terminalSvg(frames, OPTIONS);
  expect(svg.match(/a &amp; b/g)).toHaveLength(1);
  expect(svg.match(/<g transform/g)).toHaveLength(2);
  // Two seconds twice as fast, and one at the end.
  expect(svg).toContain('animation:film 2.0s');
  expect(svg).toContain('50.00%{transform:translateX(-200px)}');
  expect(svg).toContain('aria-label="a &quot;terminal&quot;"');
  // A bar is drawn, not written.
  expect(svg).not.toMatch(/━|╸|─/);
});

test("the README's terminal is small, needs nothing from elsewhere, and stands still where motion is not wanted", () => {
  const svg = readFileSync(new URL('../../docs/terminal.svg', import.meta.url), 'utf8');
  expect(svg.length).toBeLessThan(200_000);
  expect(svg.match(/https?:\/\/(?!127\.0\.0\.1)[^"<]*/g)).toEqual(['http://www.w3.org/2000/svg']);
  expect(svg).not.toMatch(/<script|@import|url\(/);
  expect(svg).toContain('@media (prefers-reduced-motion:reduce)');
  expect(svg).toContain('test accuracy');
});
