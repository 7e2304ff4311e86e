import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportModel } from './export-model.ts';
import type { ExportFormat } from './formats.ts';
import { safetensorsFile } from './safetensors.ts';
import { placeArchitecture } from '@convoy/model/architecture';
import { pooled, small, trainedModel } from './trained-model.fixture.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'convoy-export-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (format: ExportFormat, name: string, { force = false, trained = small } = {}) =>
  exportModel(trained, { format, out: join(folder, name), force }).then(({ files }) => files);

describe('exportModel', () => {
  it('writes a file or a folder under its name, says what it wrote and leaves nothing beside it', async () => {
    const written = [
      ...(await write('safetensors', 'a.safetensors')),
      ...(await write('keras', 'a.keras')),
      ...(await write('keras', 'a.weights.h5')),
      ...(await write('layers-model', 'a')),
    ];
    expect(readdirSync(folder).sort()).toEqual(['a', 'a.keras', 'a.safetensors', 'a.weights.h5']);
    const names = ['a.safetensors', 'a.keras', 'a.weights.h5', 'a/model.json', 'a/group1-shard1of1.bin'];
    expect(written.map(({ path }) => path)).toEqual(names.map((name) => join(folder, name)));
    for (const { path, bytes, sha256 } of written) {
      const content = readFileSync(path);
      expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([bytes, sha256]);
    }
  });

  it('replaces an export only when it is told to', async () => {
    await write('safetensors', 'a.safetensors');
    await write('layers-model', 'a');
    for (const [format, name] of [
      ['safetensors', 'a.safetensors'],
      ['layers-model', 'a'],
    ] as const) {
      await expect(write(format, name, { trained: pooled })).rejects.toThrow(/a(\.safetensors)? is there already/);
      await write(format, name, { trained: pooled, force: true });
    }
    expect(readFileSync(join(folder, 'a.safetensors'))).toEqual(Buffer.from(safetensorsFile(pooled)));
    expect(readFileSync(join(folder, 'a', 'model.json'), 'utf8')).toContain('"name": "pooled"');
    expect(readdirSync(folder).sort()).toEqual(['a', 'a.safetensors']);
  });

  it('takes an empty folder and never replaces one that holds anything else, told to or not', async () => {
    mkdirSync(join(folder, 'empty'));
    await write('layers-model', 'empty');
    for (const [name, file] of [
      ['photos', 'cat.jpg'],
      ['weights', 'mine.bin'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, file), 'kept');
      await expect(write('layers-model', name, { force: true })).rejects.toThrow(/has other files than an export's/);
      expect(readFileSync(join(folder, name, file), 'utf8')).toBe('kept');
    }
    await expect(write('layers-model', 'photos/cat.jpg', { force: true })).rejects.toThrow(
      /is a file, and this format/,
    );
    mkdirSync(join(folder, 'a.keras'));
    await expect(write('keras', 'a.keras', { force: true })).rejects.toThrow(/is a folder, and this format is a file/);
  });

  it('refuses other endings and folders that are not there, in one line', async () => {
    await expect(write('keras', 'a.h5')).rejects.toThrow(
      /a\.h5: a name for keras must end in \.keras or \.weights\.h5$/,
    );
    await expect(write('safetensors', 'a.bin')).rejects.toThrow(/must end in \.safetensors$/);
    await expect(write('keras', 'none/a.keras')).rejects.toThrow(
      /^can't write .*a\.keras: there is no such file or folder/,
    );
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, 'file'), '');
    await expect(write('keras', 'file/a.keras')).rejects.toThrow(
      /^can't write .*a\.keras: a part of the path is a file/,
    );
  });

  it('says which layers it had to call otherwise', async () => {
    const given = trainedModel(
      'named',
      placeArchitecture([
        { type: 'input', name: 'in', shape: [3] },
        { type: 'dense', name: 'block 1/dense', units: 2, activation: 'softmax' },
      ]),
    );
    const write = (format: ExportFormat, name: string) =>
      exportModel(given, { format, out: join(folder, name), force: false });
    expect((await write('layers-model', 'a')).renamed).toEqual([{ from: 'block 1/dense', to: 'block_1/dense' }]);
    expect((await write('keras', 'a.keras')).renamed).toEqual([{ from: 'block 1/dense', to: 'block_1_dense' }]);
    expect(readFileSync(join(folder, 'a', 'model.json'), 'utf8')).not.toContain('block 1');
  });
});
