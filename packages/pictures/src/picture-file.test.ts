import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decoded } from './decoded.fixture.ts';
import { assertPictureName, writePicture } from './picture-file.ts';

const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10" fill="#f00"/></svg>';
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'convoy-pictures-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('writePicture', () => {
  it('writes what the ending says, over what was there, and leaves nothing beside it', async () => {
    for (const name of ['a.svg', 'a.png', 'a.png', 'b.PNG']) writePicture(join(folder, name), svg);
    expect(readFileSync(join(folder, 'a.svg'), 'utf8')).toBe(svg);
    for (const name of ['a.png', 'b.PNG']) {
      const picture = await decoded(join(folder, name));
      expect(picture).toMatchObject({ width: 40, height: 20 });
      expect(picture.count('#ff0000')).toBe(40 * 20);
    }
    expect(readdirSync(folder).sort()).toEqual(['a.png', 'a.svg', 'b.PNG']);
  });

  it('refuses other endings and folders that are not there, in one line', () => {
    expect(() => writePicture(join(folder, 'a.gif'), svg)).toThrow(
      /a\.gif: a picture's name must end in \.png or \.svg$/,
    );
    expect(() => assertPictureName('grid')).toThrow(/must end in/);
    expect(() => writePicture(join(folder, 'none', 'a.png'), svg)).toThrow(
      /^can't write .*none\/a\.png: there is no such file/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
