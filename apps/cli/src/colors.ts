import colors from 'picocolors';

export type Colors = ReturnType<typeof colors.createColors>;

/** A stream as far as colours go. */
interface ColorStream {
  readonly isTTY?: boolean;
}

/**
 * Colours for what is written to a stream: those of a terminal, unless the environment says otherwise. Each stream is judged
 * by itself: `2> log` has none, whatever stdout is.
 */
export function colorsFor(stream: ColorStream, environment: NodeJS.ProcessEnv = process.env): Colors {
  return colors.createColors(hasColors(stream, environment));
}

/** The rules of Node itself: FORCE_COLOR before NO_COLOR, and both before what the stream is. CI alone changes nothing. */
function hasColors({ isTTY = false }: ColorStream, environment: NodeJS.ProcessEnv): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: none, TERM: terminal } = environment;
  if (forced !== undefined) return !['0', 'false'].includes(forced);
  if (none !== undefined && none !== '') return false;
  return isTTY && terminal !== 'dumb';
}
