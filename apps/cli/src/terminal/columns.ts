import stringWidth from 'string-width';

// Texts by the columns that they take on a terminal, where 日 takes two and an accent of its own takes none.

/** Between the parts of a line. */
export const PART_SEPARATOR = ' · ';
const ELLIPSIS = '…';
const graphemes = new Intl.Segmenter();

/** How many columns a text takes; colours take none. */
export const columnsOf = (text: string): number => stringWidth(text);

/** A text that has room in so many columns; one that was cut ends with an ellipsis. @param text without colours. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let left = columns - 1;
  for (const { segment } of graphemes.segment(text)) {
    left -= columnsOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept + ELLIPSIS;
}

/** A text with spaces behind it, up to so many columns. */
export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** A text with spaces before it, up to so many columns. */
export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - columnsOf(text))) + text;
}

/**
 * Parts, the most important first, on as many lines as they need or there are. What has no room is left out, but for the first part,
 * which is cut.
 */
export function flow(parts: readonly string[], columns: number, maxLines: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const line = lines.at(-1);
    const longer = line === undefined ? part : line + PART_SEPARATOR + part;
    if (line !== undefined && columnsOf(longer) <= columns) lines[lines.length - 1] = longer;
    else if (line === undefined) lines.push(cut(part, columns));
    else if (lines.length < maxLines && columnsOf(part) <= columns) lines.push(part);
    else break;
  }
  return lines;
}
