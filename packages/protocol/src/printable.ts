/** A peer's words as they may be shown: short, and without control characters, which could write over what a terminal shows. */
export function printable(words: string): string {
  return words.slice(0, 200).replace(/\p{C}/gu, '\uFFFD');
}
