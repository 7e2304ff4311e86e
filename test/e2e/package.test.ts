// The package as people have it: packed, installed from npm's registry into a folder that has nothing to do with the clone,
// by an npm without a cache. Everything here runs there.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyTensorflow } from '@convoy/engine/backends/tensorflow-copy.fixture';
import type { RunEvent } from '@convoy/protocol/run-events';
import { isNativeInfo } from '@convoy/infra/standard-error';
import { convoy, eventsOf, summaryOf, temporaryFolder, type Finished } from '../support/convoy.ts';
import { ended } from '../support/ended.ts';
import { foreignEnvironment, INSTALLED_AFTER_MS, installedPackage, type InstalledPackage } from '../support/installed-package.ts'; // prettier-ignore

/** Whatever is started here is ended then. */
const ENDED_AFTER_MS = 540_000;

const folder = temporaryFolder();
afterAll(folder.remove);

let installed: InstalledPackage;
let project: string;
beforeAll(async () => {
  installed = await installedPackage();
  project = installed.project;
}, INSTALLED_AFTER_MS);

/** A program in the project's folder, with an environment that knows nothing of the clone's npm. */
async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return ended(
    spawn(program, args, {
      cwd: project,
      env: { ...foreignEnvironment(), ...env },
      timeout: ENDED_AFTER_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

async function mustRun(
  program: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Finished> {
  const finished = await run(program, args, env);
  if (finished.code === 0) return finished;
  throw new Error(`${program} ${args.join(' ')} ended with ${finished.code}:\n${finished.stdout}${finished.stderr}`);
}

/** Writes a file of the project. */
const file = (name: string, text: string) => writeFileSync(join(project, name), text);

/** A test of what is installed; where nothing could be, it says so. */
function itInstalled(title: string, test: () => Promise<void> | void): void {
  it(title, async () => {
    if (installed.obstacle === null) await test();
    else console.info(`NOT CHECKED: the installed package: ${title}: ${installed.obstacle}`);
  });
}

const SYNTHETIC = ['--dataset', 'synthetic', '--synthetic-size', '100', '--batch-size', '8', '--micro-batch', '4'];
const SHORT = [...SYNTHETIC, '--steps', '3', '--seed', '7', '--deterministic', '--json'];

/** The engines that joined: a short run may be over before the second worker is there. */
const enginesOf = (events: readonly RunEvent[]) =>
  new Set(events.flatMap((event) => (event.type === 'worker-joined' ? [event.engine.split(' ')[0]] : [])));

describe('the package', () => {
  it('has the program, its types and what belongs to it: no test, no source, nothing of the workspaces', () => {
    const packed = join(installed.tarball, '..', 'tfjs-convoy');
    const files = readdirSync(packed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(packed.length + 1));
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'bin/convoy.mjs',
        'dist/index.d.ts',
        'dist/page/index.html',
      ]),
    );
    expect(
      files.filter(
        (name) => /\.(test|bench|fixture)\.|(?<!\.d)\.[cm]?ts$/.test(name) && !name.startsWith('templates/'),
      ),
    ).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as {
      version: string;
      scripts?: object;
      dependencies: Record<string, string>;
    };
    const root = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(manifest.version).toBe(root.version);
    expect(manifest.scripts).toBeUndefined();
    expect(Object.keys(manifest.dependencies).filter((name) => /^@convoy|tfjs-node/.test(name))).toEqual([]);
    for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(readFileSync(join(packed, 'dist/index.d.ts'), 'utf8')).not.toContain('@convoy/');
  });

  itInstalled('trains with two workers as the clone does, to the same bits', async () => {
    const here = ['train', ...SHORT, '--workers', '2', '--min-workers', '2', '--run-dir'];
    const summary = summaryOf(await run('npx', ['convoy', ...here, 'runs/two']));
    const theirs = summaryOf(await convoy([...here, join(folder.path, 'clone')]));
    expect(summary.parametersSha256).toBe(theirs.parametersSha256);
    const engines = enginesOf(eventsOf(join(project, 'runs/two')));
    expect(engines).toEqual(enginesOf(eventsOf(join(folder.path, 'clone'))));
  });

  itInstalled('without TensorFlow says once how to get it, and computes with WASM', async () => {
    const finished = await run(
      'npx',
      ['convoy', 'train', ...SHORT, '--workers', '2', '--min-workers', '2', '--run-dir', 'runs/wasm'],
      {
        CONVOY_CACHE_DIR: join(folder.path, 'empty-cache'),
      },
    );
    expect(summaryOf(finished)).toMatchObject({ outcome: 'completed' });
    const lines = finished.stderr.split('\n').filter((line) => line.includes('TensorFlow'));
    expect(lines).toEqual([expect.stringContaining('npx convoy setup')]);
    expect(enginesOf(eventsOf(join(project, 'runs/wasm')))).toEqual(new Set(['wasm']));
  });
});

/** What a program of two modules kinds prints, after the imports. */
const PROGRAM = `
const run = train({
  dataset: { name: 'synthetic', trainCount: 100 },
  globalBatchSize: 8,
  microBatchSize: 4,
  maxSteps: 3,
  seed: 7,
  deterministic: true,
  workers: 2,
  runDir: process.argv[2],
});
let steps = 0;
for await (const event of run) if (event.type === 'step') steps++;
const { parametersSha256, folder } = await run.result;
const predictor = await openPredictor(folder, { threads: 1 });
predictor.close();
const refused = await train({ workers: 0 }).result.catch((error) => error instanceof OperatorError);
console.log(JSON.stringify({ steps, parametersSha256, refused }));
`;

describe('a program', () => {
  itInstalled('in JavaScript trains, as an ES module and as CommonJS', async () => {
    file('program.mjs', `import { OperatorError, openPredictor, train } from 'tfjs-convoy';\n${PROGRAM}`);
    file(
      'program.cjs',
      `const { OperatorError, openPredictor, train } = require('tfjs-convoy');\n(async () => {${PROGRAM}})();`,
    );
    const results: unknown[] = [];
    for (const name of ['program.mjs', 'program.cjs']) {
      const { stdout, stderr } = await mustRun(process.execPath, [name, `runs/${name}`]);
      // It prints what the program prints, and nothing else.
      expect(stderr.split('\n').filter((line) => line !== '' && !isNativeInfo(line))).toEqual([]);
      results.push(JSON.parse(stdout));
    }
    expect(results[0]).toMatchObject({ steps: 3, refused: true });
    expect(results[1]).toEqual(results[0]);
  });

  itInstalled('in strict TypeScript compiles with every declaration checked, and wrong names are refused', async () => {
    file(
      'program.mts',
      `import { OperatorError, defineWorkload, train, type Outcome, type RunEvent } from 'tfjs-convoy';
       const run = train({ recipe: 'quick', optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } });
       for await (const event of run) if (event.type === 'step') { const loss: number = event.loss; void loss; }
       const outcome: Outcome = await run.result;
       const values: Float32Array = await outcome.readParameters();
       const onEvent = (event: RunEvent): string => event.type;
       const error: Error = new OperatorError('mine');
       // @ts-expect-error There is no such recipe.
       train({ recipe: 'quickk' });
       // @ts-expect-error There is no such setting.
       train({ epoch: 3 });
       // @ts-expect-error A workload needs a name.
       defineWorkload({ inputType: 'uint8' });
       export { error, onEvent, values };`,
    );
    file(
      'common.cts',
      `import convoy = require('tfjs-convoy');
       export const run: convoy.Run = convoy.train({ single: true });`,
    );
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: 'ES2023',
      lib: ['ES2023'],
      types: ['node'],
      module: 'nodenext',
    };
    file('tsconfig.json', JSON.stringify({ compilerOptions, files: ['program.mts', 'common.cts'] }));
    const { stdout } = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']);
    expect(stdout).toBe('');
  });
});

/** Whether a number is above a half: a workload whose model is one of TensorFlow.js, or layers as data. */
const WORKLOAD = (model: 'tf' | 'data') => `({
  name: 'halves',
  inputType: 'float32',
  loss: 'sparseCategoricalCrossentropy',
  model: ${
    model === 'tf'
      ? `() => tf.sequential({ layers: [tf.layers.dense({ inputShape: [1], units: 2, activation: 'softmax', name: 'classes' })] })`
      : `[{ type: 'input', name: 'number', shape: [1] }, { type: 'dense', name: 'classes', units: 2, activation: 'softmax' }]`
  },
  dataset: () => ({
    trainCount: 64,
    testCount: 16,
    classNames: ['lower', 'upper'],
    read(split, index, input) {
      input[0] = ((37 * index) % 64) / 64;
      return input[0] > 0.5 ? 1 : 0;
    },
  }),
  settings: { epochs: 1, globalBatchSize: 16, microBatchSize: 8, validationSplit: 0 },
})`;

let runs = 0;
/** The arguments of a short training of a workload. */
function trainShort(workload: string, ...more: readonly string[]): readonly string[] {
  return [
    'train',
    '--workload',
    workload,
    '--steps',
    '3',
    '--seed',
    '7',
    '--deterministic',
    '--json',
    '--run-dir',
    `runs/${runs++}`,
    ...more,
  ];
}

/** What Convoy may not print because of a workload: what TensorFlow.js says when there are two of it, and its greeting. */
const FLOOD = /already registered|already been set|Hi, looks like you are running/;

describe('a workload of a project', () => {
  itInstalled('is TypeScript, an ES module or CommonJS, with a TensorFlow.js of its own', async () => {
    const own = join(project, 'with its own');
    copyTensorflow(own);
    const imports = "import { defineWorkload } from 'tfjs-convoy';\nimport * as tf from '@tensorflow/tfjs';";
    const requires =
      "const { defineWorkload } = require('tfjs-convoy');\nconst tf = require('@tensorflow/tfjs');\nmodule.exports = defineWorkload";
    const texts = {
      'typed.ts': `${imports}\nconst name: string = 'halves';\nexport default defineWorkload${WORKLOAD('tf')};\nvoid name;`,
      'module.mjs': `${imports}\nexport default defineWorkload${WORKLOAD('tf')};`,
      'common.cjs': `${requires}${WORKLOAD('tf')};`,
    };
    const digests = new Set<string>();
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(join(own, name), text);
      const finished = await run('npx', ['convoy', ...trainShort(join(own, name), '--workers', '2')]);
      expect(finished.stderr).not.toMatch(FLOOD);
      digests.add(summaryOf(finished).parametersSha256);
    }
    expect(digests.size).toBe(1);
  });

  itInstalled('is trained by a Convoy that is installed elsewhere, or refused with the import to use now', async () => {
    const elsewhere = join(folder.path, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of ['away.ts', 'away.mjs']) {
      const path = join(elsewhere, name);
      writeFileSync(
        path,
        `import { defineWorkload } from 'tfjs-convoy';\nexport default defineWorkload${WORKLOAD('data')};`,
      );
      expect(summaryOf(await run('npx', ['convoy', ...trainShort(path, '--single')]))).toMatchObject({ steps: 3 });
      writeFileSync(path, "import { defineWorkload } from '@convoy/api/workload';\nexport default defineWorkload({});");
      const { code, stderr } = await run('npx', ['convoy', ...trainShort(path, '--single')]);
      expect(code).not.toBe(0);
      expect(stderr.trim().split('\n').at(-1)).toBe(
        `convoy: --workload ${name}: it imports @convoy/api${name.endsWith('.ts') ? '/workload' : ''}, which is now: import { defineWorkload } from 'tfjs-convoy'`,
      );
    }
  });

  itInstalled('is begun by convoy init, and trains as written', async () => {
    const { stdout } = await mustRun('npx', ['convoy', 'init', 'my model', '--from', 'csv']);
    const [, command] = /^next: (.*)$/m.exec(stdout) ?? [];
    expect(command).toBe("npx convoy train --workload 'my model/workload.ts'");
    const finished = await run('sh', ['-c', `${command} --steps 4 --single --json --run-dir runs/init`]);
    expect(summaryOf(finished)).toMatchObject({ outcome: 'completed', steps: 4 });
  });
});
