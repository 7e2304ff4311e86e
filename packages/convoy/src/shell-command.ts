/** A command line that a POSIX shell takes back to exactly these words. */
export function shellCommand(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  // An unquoted ~ or = is harmless within a word, and not at its beginning.
  return /^[\w@%+:,./-][\w@%+=:,./~-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
