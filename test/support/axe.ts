import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BrowserTab } from './browser.ts';

interface Violation {
  readonly id: string;
  readonly impact: 'minor' | 'moderate' | 'serious' | 'critical';
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/**
 * What axe (https://github.com/dequelabs/axe-core) finds on a page that keeps people from using it, a line for each element.
 * @param rules only these, by name.
 */
export async function seriousViolations(tab: BrowserTab, rules?: readonly string[]): Promise<readonly string[]> {
  if (await tab.evaluate<boolean>('window.axe === undefined')) {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await tab.evaluate(`${axe}; undefined`);
  }
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const options = JSON.stringify({ runOnly: rules ?? tags, resultTypes: ['violations'], elementRef: false });
  const violations = await tab.evaluate<readonly Violation[]>(
    `axe.run(document, ${options}).then(({ violations }) => violations)`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = '' }) => `${id}: ${html} ${failureSummary}`));
}
