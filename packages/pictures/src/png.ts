import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';

/** Where an SVG is shown by something else, the fonts after the first stand in: they are about as wide. */
export const FONT_FAMILY = 'DejaVu Sans Condensed, Arial, Helvetica, sans-serif';

/** Image pixels per CSS pixel: sharp on dense screens and in print. */
export const ZOOM = 2;

const require = createRequire(import.meta.url);
const fontFiles = ['DejaVuSansCondensed.ttf', 'DejaVuSansCondensed-Bold.ttf'].map((name) =>
  require.resolve(`dejavu-fonts-ttf/ttf/${name}`),
);

/**
 * Paints an SVG at {@link ZOOM}. Its text is set in a font that comes with this package and no other, so that a machine
 * without fonts draws the same picture.
 * @returns the bytes of a PNG.
 */
export function pngOf(svg: string): Uint8Array {
  const painter = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: ZOOM },
    font: { fontFiles, loadSystemFonts: false, defaultFontFamily: 'DejaVu Sans Condensed' },
  });
  return painter.render().asPng();
}

/** The size of a PNG, from its header. */
export function sizeOfPng(png: Uint8Array): { readonly width: number; readonly height: number } {
  const view = new DataView(png.buffer, png.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
