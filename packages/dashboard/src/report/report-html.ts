import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pageFiles } from '@convoy/infra/page';
import { SAVED_RUN_ID, type SavedRun } from '../replay/saved-run.ts';

/**
 * The page with a run in it: one document that a browser opens without a server, and that asks nobody for anything. The run is
 * compressed and in base64, so that nothing in its names or words is ever read as HTML.
 */
export async function reportHtml(run: SavedRun): Promise<string> {
  const files = await pageFiles();
  const text = (name: string) => new TextDecoder().decode(files[name]);
  const index = text('index.html');
  const nameIn = (pattern: RegExp) => pattern.exec(index)![1]!;
  const script = harmless(text(nameIn(SCRIPT)));
  const style = text(nameIn(STYLE));
  const data = (await promisify(gzip)(JSON.stringify(run), { level: 9 })).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src '${digestOf(script)}'`,
    `style-src '${digestOf(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  // By functions: what is put in may have dollar signs.
  return index
    .replace('<head>', () => `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`)
    .replace(STYLE, () => `<style>${style}</style>`)
    .replace(SCRIPT, '')
    .replace(TRY_MODEL, '')
    .replace(
      '</body>',
      () =>
        `  <script type="application/gzip" id="${SAVED_RUN_ID}">${data}</script>\n    <script>${script}</script>\n  </body>\n${licenses(text('LICENSES.txt'))}`,
    );
}

const SCRIPT = /<script defer src="assets\/([^"]+)"><\/script>/;
/** A report has no model. */
const TRY_MODEL = /\s*<meta name="convoy-try-model"[^>]*>/;
const STYLE = /<link rel="stylesheet" href="assets\/([^"]+)" \/>/;

/** A script's words that would end it, or keep its end from being seen, are only ever in its strings. */
function harmless(script: string): string {
  return script.replace(/<(?=\/script|!--)/gi, '\\x3c');
}

function digestOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Of what the page is made of, which goes where the page goes. */
function licenses(text: string): string {
  return `<!--\n${text.replaceAll('--', '- -')}\n-->\n`;
}
