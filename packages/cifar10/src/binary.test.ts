import { appendFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { describe, expect, test } from 'vitest';
import { SMALL, SMALL_FILE_BYTES, smallFile, temporaryDirectory, writeSmall } from './binary.fixture.ts';
import { OFFICIAL_LAYOUT, openBinary, verifyBinary } from './binary.ts';
import { IMAGE_BYTES, type Split } from '@convoy/model/dataset';
import { realData } from './real-data.fixture.ts';

function failure(work: () => unknown): OperatorError {
  try {
    work();
  } catch (cause) {
    expect(cause).toBeInstanceOf(OperatorError);
    expect((cause as OperatorError).exitCode).toBe(exitCodes.data);
    expect((cause as OperatorError).message).not.toContain('\n');
    return cause as OperatorError;
  }
  throw new Error('nothing was thrown');
}

describe('openBinary', () => {
  test('reads labels and turns planes into pixels', async () => {
    const directory = await temporaryDirectory();
    await writeSmall(directory);
    const dataset = openBinary(directory, SMALL);
    expect(dataset).toMatchObject({ name: 'cifar10', trainCount: 100, testCount: 20 });

    const record = 3073 * 7;
    const image = new Uint8Array(IMAGE_BYTES + 5);
    for (const [split, index, file] of [
      ['train', 7, 'data_batch_1.bin'],
      ['train', 87, 'data_batch_5.bin'],
      ['test', 7, 'test_batch.bin'],
    ] as const) {
      const bytes = smallFile(file);
      expect(dataset.read(split, index, image, 5)).toBe(7);
      for (const [row, column] of [
        [0, 0],
        [3, 17],
        [31, 31],
      ] as const) {
        const pixel = row * 32 + column;
        const planes = [0, 1, 2].map((channel) => bytes[record + 1 + channel * 1024 + pixel]);
        expect([...image.subarray(5 + pixel * 3, 5 + pixel * 3 + 3)]).toEqual(planes);
      }
    }
  });

  test('takes the folder that contains cifar-10-batches-bin', async () => {
    const directory = await temporaryDirectory();
    await writeSmall(join(directory, 'cifar-10-batches-bin'));
    expect(openBinary(directory, SMALL).origin).toContain('cifar-10-batches-bin');
  });

  test('has a fingerprint that any pixel, any label and the order of the files change', async () => {
    const directory = await temporaryDirectory();
    const prints = new Set<string>();
    const print = () => prints.add(openBinary(directory, SMALL).fingerprint);
    await writeSmall(directory);
    print();
    print();
    expect(prints.size).toBe(1);
    const bytes = smallFile('test_batch.bin');
    bytes[SMALL_FILE_BYTES - 1]! ^= 1;
    await writeFile(join(directory, 'test_batch.bin'), bytes);
    print();
    bytes[0] = 9;
    await writeFile(join(directory, 'test_batch.bin'), bytes);
    print();
    await rename(join(directory, 'data_batch_1.bin'), join(directory, 'first'));
    await rename(join(directory, 'data_batch_2.bin'), join(directory, 'data_batch_1.bin'));
    await rename(join(directory, 'first'), join(directory, 'data_batch_2.bin'));
    print();
    expect(prints.size).toBe(4);
  });

  test('refuses an index outside the split and a target without room', async () => {
    const directory = await temporaryDirectory();
    await writeSmall(directory);
    const { read } = openBinary(directory, SMALL);
    const image = new Uint8Array(IMAGE_BYTES);
    for (const index of [-1, 20, 0.5, NaN]) expect(() => read('test', index, image, 0)).toThrow(RangeError);
    expect(() => read('train', 100, image, 0)).toThrow('the train split has images 0 to 99, not 100');
    expect(() => read('train', 0, image, 1)).toThrow(RangeError);
  });

  test.each<[fault: string, damage: (directory: string) => Promise<void>, message: RegExp]>([
    [
      'a truncated file',
      (directory) => truncate(join(directory, 'data_batch_3.bin'), 5000),
      /data_batch_3\.bin is truncated: expected 61460 bytes \(20 records of 3073\), found 5000$/,
    ],
    [
      'a file that is too long',
      (directory) => appendFile(join(directory, 'test_batch.bin'), 'x'),
      /test_batch\.bin is too long: expected 61460 bytes .*, found 61461$/,
    ],
    ['a missing file', (directory) => rm(join(directory, 'data_batch_5.bin')), /data_batch_5\.bin is missing/],
    [
      'a label above 9',
      async (directory) => {
        const bytes = smallFile('data_batch_2.bin');
        bytes[3073 * 4] = 10;
        await writeFile(join(directory, 'data_batch_2.bin'), bytes);
      },
      /data_batch_2\.bin is not .*: expected a label from 0 to 9 at byte 12292 \(record 4\), found 10$/,
    ],
  ])('names %s', async (_, damage, message) => {
    const directory = await temporaryDirectory();
    await writeSmall(directory);
    await damage(directory);
    expect(failure(() => openBinary(directory, SMALL)).message).toMatch(message);
    expect(failure(() => verifyBinary(directory, SMALL)).message).toMatch(message);
  });

  test('names what is wrong with a folder that is not the binary version', async () => {
    const directory = await temporaryDirectory();
    const at = (name: string) => join(directory, name);
    await mkdir(at('cifar-10-batches-py'));
    await mkdir(at('cifar-100-binary'));
    await mkdir(at('photos'));
    await mkdir(at('empty'));
    await writeFile(at('cifar-10-batches-py/data_batch_1'), '');
    await writeFile(at('cifar-100-binary/train.bin'), '');
    await writeFile(at('photos/cat.jpg'), '');
    await writeFile(at('cifar-10-binary.tar.gz'), '');
    const said = (name: string) => failure(() => openBinary(at(name), SMALL)).message;
    expect(said('cifar-10-batches-py')).toMatch(/Python version \(pickles\).*"binary version"/);
    expect(said('cifar-100-binary')).toContain('CIFAR-100');
    expect(said('photos')).toMatch(/expected a folder with data_batch_1\.bin … .*found cat\.jpg$/);
    expect(said('empty')).toMatch(/found nothing$/);
    expect(said('nowhere')).toContain('does not exist');
    expect(said('cifar-10-binary.tar.gz')).toContain('is an archive: unpack it first');
  });

  test('expects 30730000 bytes of an official file', async () => {
    const directory = await temporaryDirectory();
    await writeSmall(directory);
    expect(failure(() => openBinary(directory)).message).toContain('expected 30730000 bytes');
  });
});

test('the real CIFAR-10 holds 5,000 training and 1,000 test images of every class', async () => {
  const directory = await realData(process.env['CIFAR10_DIR'], temporaryDirectory);
  if (directory === undefined) {
    console.info('NOT CHECKED: the real CIFAR-10 is not on this machine. Set CIFAR10_DIR to have this test read it.');
    return;
  }
  const dataset = openBinary(directory, OFFICIAL_LAYOUT);
  expect(dataset).toMatchObject({ trainCount: 50_000, testCount: 10_000 });
  const image = new Uint8Array(IMAGE_BYTES);
  const histogram = (split: Split, count: number) => {
    const counts = new Array<number>(10).fill(0);
    for (let index = 0; index < count; index++) counts[dataset.read(split, index, image, 0)]!++;
    return counts;
  };
  expect(histogram('train', 50_000)).toEqual(new Array(10).fill(5_000));
  expect(histogram('test', 10_000)).toEqual(new Array(10).fill(1_000));
});
