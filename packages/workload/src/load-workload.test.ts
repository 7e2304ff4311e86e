import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OperatorError } from '@convoy/protocol/errors';
import { loadWorkload } from './load-workload.ts';
import { modelOf, mostParameters, openData } from './open-workload.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-workload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const WORKLOAD = `{
  name: 'parity',
  inputType: 'float32',
  loss: 'sparseCategoricalCrossentropy',
  model: [
    { type: 'input', name: 'in', shape: [3] },
    { type: 'dense', name: 'out', units: 2, activation: 'softmax' },
  ],
  dataset: async () => ({
    trainCount: 8,
    testCount: 8,
    classNames: ['even', 'odd'],
    read(split, index, input) {
      for (let bit = 0; bit < 3; bit++) input[bit] = (index >> bit) & 1;
      return (input[0] + input[1] + input[2]) % 2;
    },
  }),
  settings: { epochs: 3, optimizer: { learningRate: 0.1 } },
}`;
/** With labels that don't depend on the input. */
const READ_LABELS = WORKLOAD.replace('(input[0] + input[1] + input[2]) % 2', 'index % 2');
const NAMED = { model: 'workload', dataset: { name: 'workload', workload: 'parity' } } as const;

describe('the file of a workload', () => {
  it.each([
    { title: 'JavaScript', name: 'parity.mjs', text: `export default ${WORKLOAD};` },
    { title: 'CommonJS', name: 'parity.cjs', text: `module.exports = ${WORKLOAD};` },
    {
      title: 'TypeScript, with a module beside it',
      name: 'parity.ts',
      text: `import { odd } from './odd.ts';\nconst name: string = odd;\nexport default ${WORKLOAD.replace("['even', 'odd']", "['even', name]")};`,
    },
  ])('may be $title', async ({ name, text }) => {
    file('odd.ts', "export const odd = 'odd' as const;\n");
    const path = file(name, text);
    const workload = await loadWorkload(path);
    expect(workload).toMatchObject({ name: 'parity', settings: { epochs: 3, ...NAMED } });
    expect(workload.models['workload']).toMatchObject({
      parameterCount: 8,
      outputs: 2,
      input: { type: 'float32', size: 3 },
    });
    const dataset = await openData(NAMED, { workload: path, environment: {} });
    expect(dataset.classNames).toEqual(['even', 'odd']);
    const input = new Float32Array(3);
    expect(dataset.read('test', 6, input, 0)).toBe(0);
    expect([...input]).toEqual([0, 1, 1]);
  });

  it('is run once in a process, and says how large a model may come', async () => {
    const path = file('once.mjs', `globalThis.runs = (globalThis.runs ?? 0) + 1;\nexport default ${WORKLOAD};`);
    const model = await modelOf(NAMED, path);
    expect(await modelOf(NAMED, path)).toBe(model);
    const large = file('large.mjs', `export default ${WORKLOAD.replace('shape: [3]', 'shape: [2e6]')};`);
    expect(await mostParameters(large)).toBe(4_000_002);
    expect(await mostParameters(path)).toBe(await mostParameters(undefined));
    expect((globalThis as { runs?: number }).runs).toBe(1);
  });

  it('has its data opened once in a process', async () => {
    const path = file('opened.mjs', `globalThis.opened = 0;\nexport default ${WORKLOAD.replace('async () => ({', 'async () => (globalThis.opened++, {')};`); // prettier-ignore
    const open = () => openData(NAMED, { workload: path, environment: {} });
    expect(await open()).toBe(await open());
    expect((globalThis as { opened?: number }).opened).toBe(1);
  });

  it('must be there, and be the one that the run trains', async () => {
    const other = file('other.mjs', `export default ${WORKLOAD.replace('parity', 'other')};`);
    await expect(modelOf(NAMED, undefined)).rejects.toThrow(
      'this run trains the workload "parity": give its file with --workload',
    );
    await expect(modelOf(NAMED, other)).rejects.toThrow(
      'this run trains the workload "parity", and --workload gives "other"',
    );
    await expect(
      modelOf({ ...NAMED, model: 'resnet' }, file('right.mjs', `export default ${WORKLOAD};`)),
    ).rejects.toThrow('no model is called "resnet"; choose one of workload');
    await expect(modelOf({ model: 'resnt', dataset: { name: 'cifar10' } })).rejects.toThrow('did you mean "resnet"?');
    await expect(modelOf(NAMED, join(folder, 'none.ts'))).rejects.toThrow(
      /^can't read the workload's file .*none\.ts: there is no such file/,
    );
  });

  it.each([
    [
      'nothing',
      'export const other = 1;',
      'its default export must be a workload: see defineWorkload in docs/workloads.md',
    ],
    [
      'a name with a slash',
      WORKLOAD.replace("'parity'", "'a/b'"),
      'name must be of lower-case letters, digits and hyphens',
    ],
    [
      'another loss',
      WORKLOAD.replace('sparseCategoricalCrossentropy', 'hinge'),
      'loss must be one of sparseCategoricalCrossentropy, meanSquaredError',
    ],
    [
      'another metric',
      WORKLOAD.replace('settings:', "metrics: ['meanAbsoluteError'], settings:"),
      'metrics must be ["accuracy"] with the loss sparseCategoricalCrossentropy',
    ],
    ['a type that is none', WORKLOAD.replace('float32', 'float64'), 'inputType must be "uint8" or "float32"'],
    [
      'a field misspelt',
      WORKLOAD.replace('settings:', 'setings:'),
      'a workload has no field "setings"; did you mean "settings"?',
    ],
    [
      'a field of its own',
      WORKLOAD.replace('settings:', 'version: 1, settings:'),
      'a workload has no field "version"; it has name, model, inputType, loss, metrics, files, dataset, settings',
    ],
    [
      'an option misspelt',
      WORKLOAD.replace('units: 2', 'unit: 2'),
      'its model: out (dense) has no option "unit"; did you mean "units"?',
    ],
    [
      'another dtype in its layers',
      WORKLOAD.replace('shape: [3]', "shape: [3], dtype: 'uint8'"),
      'its model: in has the dtype uint8, and inputType is float32',
    ],
    [
      'one class',
      WORKLOAD.replace('units: 2', 'units: 1'),
      'its model: out has one unit, and sparseCategoricalCrossentropy tells two classes or more apart: give each class a unit',
    ],
    ['a layer twice', WORKLOAD.replace("name: 'out'", "name: 'in'"), 'its model: two layers are called in'],
    ['an error', 'throw new Error("no luck\\n  at all");', "it can't be loaded: no luck"],
    ['what is no program', 'export default {', /^--workload .*: it can't be loaded: /],
  ])('with %s is refused in one line', async (title, text, message) => {
    const path = file(`${title.replaceAll(' ', '-')}.mjs`, text.startsWith('{') ? `export default ${text};` : text);
    const refused = await loadWorkload(path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OperatorError);
    const { message: said } = refused as OperatorError;
    if (typeof message === 'string') expect(said).toBe(`--workload ${title.replaceAll(' ', '-')}.mjs: ${message}`);
    else expect(said).toMatch(message);
    expect(said).not.toContain('\n');
  });

  it('whose data does not open says so', async () => {
    const path = file('closed.mjs', `export default { ...${WORKLOAD}, dataset() { throw new Error('the disk is full'); } };`); // prettier-ignore
    await expect(openData(NAMED, { workload: path, environment: {} })).rejects.toThrow(
      '--workload closed.mjs: its dataset: the disk is full',
    );
  });

  it('whose read depends on more than split and index is told, with the sample', async () => {
    const path = file('chance.mjs', `export default ${READ_LABELS.replace('(index >> bit) & 1', 'Math.random()')};`);
    await expect(openData(NAMED, { workload: path, environment: {} })).rejects.toThrow(
      /^--workload chance\.mjs: its dataset: sample \d of (train|test) is another one when it is read again: /,
    );
  });

  it('has notes on its data that name it', async () => {
    const path = file('half.mjs', `export default ${READ_LABELS.replace("inputType: 'float32'", "inputType: 'uint8'").replace('(index >> bit) & 1', '((index >> bit) & 1) / 2')};`); // prettier-ignore
    const { notes } = await openData(NAMED, { workload: path, environment: {} });
    expect(notes).toEqual([
      expect.stringMatching(/^half\.mjs: the inputs of all samples are 0, where uint8 is for bytes/),
    ]);
  });
});
