/** A Markdown table. Cells may hold Markdown of their own, but no line breaks. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text as code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/**
 * What a help text or a comment says, as a sentence of a page: with a capital and a full stop, options as code, and pages of
 * docs/ as links from docs/reference/.
 */
export function sentence(words: string): string {
  const text = words
    .trim()
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : markedUp(part)))
    .join('');
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === '' || /[.!?:]$/.test(whole) ? whole : `${whole}.`;
}

function markedUp(words: string): string {
  return words
    .replace(/([*_<>])/g, '\\$1')
    .replace(/(?<![\w-])--[a-z][a-z-]*/g, code)
    .replace(/(?<![\w/])docs\/((?:[a-z-]+\/)*([a-z-]+)\.md)/g, '[$2](../$1)');
}
