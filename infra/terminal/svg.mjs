/** The look of GitHub's dark theme, which stands out from its light one and has a border on its dark one. */
const THEME = {
  background: '#161b22',
  border: '#3d444d',
  text: '#e6edf3',
  dots: ['#ff5f57', '#febc2e', '#28c840'],
  /** By the number of the terminal's colour. */
  palette: ['#484f58', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#e6edf3'],
};
const [COLUMN, ROW, FONT] = [8.4, 19, 14];
const [MARGIN, TITLE] = [16, 34];
/** Lines that bars are made of, as how thick they are: fonts leave gaps in them. */
const LINES = { '━': 4, '╸': 4, '─': 1.5 };

/**
 * An animated SVG of what a terminal shows: self-contained, and still where motion is not wanted, with the last frame.
 *
 * @param {readonly import('./record.mjs').Frame[]} frames
 * @param {{ columns: number, rows: number, speed: number, holdMs: number, title: string }} options `speed` how many times as fast as it was;
 *   the last frame stays for `holdMs`.
 */
export function terminalSvg(frames, { columns, rows, speed, holdMs, title }) {
  const distinct = frames.filter((frame, at) => JSON.stringify(frame.rows) !== JSON.stringify(frames[at - 1]?.rows));
  const [width, height] = [Math.ceil(columns * COLUMN + 2 * MARGIN), rows * ROW + TITLE + MARGIN];
  const totalMs = distinct.at(-1).ms / speed + holdMs;
  /** Each row that is shown is drawn once. */
  const drawn = new Map();
  const idOf = (row) => {
    const drawing = drawRow(row);
    if (!drawn.has(drawing)) drawn.set(drawing, `r${drawn.size.toString(36)}`);
    return drawn.get(drawing);
  };
  const film = distinct.map(({ rows: shown }, at) => {
    const uses = shown.flatMap((row, y) => (row.length === 0 ? [] : [`<use href="#${idOf(row)}" y="${y * ROW}"/>`]));
    return `<g transform="translate(${at * width})">${uses.join('')}</g>`;
  });
  const keyframes = distinct.map(
    ({ ms }, at) => `${((100 * ms) / speed / totalMs).toFixed(2)}%{transform:translateX(${-at * width}px)}`,
  );
  const still = `translateX(${-(distinct.length - 1) * width}px)`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${THEME.text};white-space:pre}
.d{opacity:.6}.b{font-weight:700}
${THEME.palette.map((color, n) => `.c${n}{fill:${color}}`).join('')}
.film{animation:film ${(totalMs / 1000).toFixed(1)}s step-end infinite}
@keyframes film{${keyframes.join('')}}
@media (prefers-reduced-motion:reduce){.film{animation:none;transform:${still}}}
</style>
<defs>${[...drawn].map(([drawing, id]) => `<g id="${id}">${drawing}</g>`).join('\n')}</defs>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="${THEME.background}" stroke="${THEME.border}"/>
${THEME.dots.map((color, n) => `<circle cx="${20 + 18 * n}" cy="18" r="5.5" fill="${color}"/>`).join('')}
<svg x="${MARGIN}" y="${TITLE}" width="${width - 2 * MARGIN}" height="${rows * ROW}"><g class="film">
${film.join('\n')}
</g></svg>
</svg>
`;
}

/** @param {readonly import('./record.mjs').Run[]} row */
function drawRow(row) {
  return row.map(drawRun).join('');
}

function drawRun({ text, column, color, isDim, isBold }) {
  const names = [...(color === null ? [] : [`c${color % 8}`]), ...(isDim ? ['d'] : []), ...(isBold ? ['b'] : [])];
  const look = names.length === 0 ? '' : ` class="${names.join(' ')}"`;
  let at = column;
  return (text.match(/━+|─+|╸|[^━─╸]+/g) ?? [])
    .map((part) => {
      const x = (at * COLUMN).toFixed(1);
      at += part.length;
      const thickness = LINES[part[0]];
      if (thickness !== undefined) {
        const fill = look === '' || !names.some((name) => name.startsWith('c')) ? ` fill="${THEME.text}"` : '';
        const width = (part.length * COLUMN * (part === '╸' ? 0.5 : 1)).toFixed(1);
        return `<rect${look}${fill} x="${x}" y="${ROW / 2 - thickness / 2}" width="${width}" height="${thickness}"/>`;
      }
      const shown = part.trimEnd();
      // Whatever the font, each character stays in its column.
      const length = ` textLength="${(shown.length * COLUMN).toFixed(1)}"`;
      return shown === '' ? '' : `<text${look} x="${x}" y="${ROW - 5}"${length}>${escaped(shown)}</text>`;
    })
    .join('');
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
