import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { Convoy, convoy, summaryOf, temporaryFolder, type Finished } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** The environment of a machine that has nothing of a run's: an empty home. */
function bareMachine(name: string): { readonly env: Readonly<Record<string, string>>; readonly fetched: string } {
  const home = join(folder.path, name);
  mkdirSync(home);
  const env = { HOME: home, CIFAR10_DIR: '', CONVOY_CACHE_DIR: '', XDG_CACHE_HOME: '' };
  return { env, fetched: join(home, '.cache', 'convoy', 'fetched') };
}

/** A project of its own: TypeScript of two files, a package, and data beside them. */
const PROJECT: Readonly<Record<string, string | Uint8Array>> = {
  'package.json': '{ "type": "module" }',
  'bytes.bin': Uint8Array.from({ length: 256 }, (_, at) => (167 * at) % 256),
  'node_modules/ones/package.json': '{ "name": "ones", "version": "1.0.0", "main": "index.js" }',
  'node_modules/ones/index.js': `exports.ones = (byte) => { let n = 0; for (; byte > 0; byte >>= 1) n += byte & 1; return n; };`,
  'lib/bits.ts': `export function bits(byte: number, into: Uint8Array | Float32Array): void {
    for (let bit = 0; bit < 8; bit++) into[bit] = (byte >> bit) & 1;
  }`,
  'parity.ts': `
    import { readFileSync } from 'node:fs';
    import * as tf from '@tensorflow/tfjs';
    import { ones } from 'ones';
    import { defineWorkload } from 'tfjs-convoy';
    import { bits } from './lib/bits.ts';
    export default defineWorkload({
      name: 'parity',
      inputType: 'float32',
      loss: 'sparseCategoricalCrossentropy',
      model: () => tf.sequential({ layers: [
        tf.layers.dense({ inputShape: [8], units: 32, activation: 'relu', name: 'hidden' }),
        tf.layers.dense({ units: 2, activation: 'softmax', name: 'classes' }),
      ] }),
      dataset: () => {
        const bytes = readFileSync(new URL('./bytes.bin', import.meta.url));
        return {
          trainCount: 192, testCount: 64, classNames: ['even', 'odd'],
          read(split, index, input) {
            const byte = bytes[split === 'train' ? index : 192 + index]!;
            bits(byte, input);
            return ones(byte) % 2;
          },
        };
      },
      settings: { epochs: 6, globalBatchSize: 32, microBatchSize: 8, optimizer: { learningRate: 0.01 }, deterministic: true },
    });`,
};

describe('a workload in a project of its own', () => {
  const project = join(folder.path, 'project');
  const workload = ['--workload', join(project, 'parity.ts')];
  const run = join(folder.path, 'run');
  const [machine, small] = [bareMachine('machine'), bareMachine('small')];
  let single: string;
  let trained: Finished;
  let workers: readonly Finished[];
  let refused: Finished;
  beforeAll(async () => {
    for (const [name, content] of Object.entries(PROJECT)) {
      mkdirSync(join(project, name, '..'), { recursive: true });
      writeFileSync(join(project, name), content);
    }
    const alone = ['train', ...workload, '--single', '--json', '--run-dir', join(folder.path, 'single')];
    single = summaryOf(await convoy(alone)).parametersSha256;
    const coordinator = new Convoy([
      'coordinator',
      '--port',
      '0',
      ...workload,
      '--run-dir',
      run,
      '--json',
      '--min-workers',
      '3',
    ]);
    const [, url] = await coordinator.said(/listening on (ws:[^;]+);/);
    await coordinator.said(/worker --url \S+ --threads 1 --allow-workload$/);
    const common = ['worker', '--url', url!, '--threads', '1'];
    refused = await convoy(common, machine.env);
    const allowed = [...common, '--allow-workload'];
    workers = await Promise.all([
      convoy(allowed, machine.env),
      convoy(allowed, machine.env),
      convoy([...allowed, '--cache-bytes', '2K'], small.env),
    ]);
    trained = await coordinator.finished;
  });

  it('is trained by machines that have nothing of it, to the parameters of one process', () => {
    expect(summaryOf(trained).parametersSha256).toBe(single);
    expect(workers.map(({ code }) => code)).toEqual([0, 0, 0]);
  });

  it('is fetched, its data whole or, where that is too large, as it is leased', () => {
    const files = (fetched: string) =>
      readdirSync(fetched, { recursive: true }).map((name) => String(name).split('/')[1]);
    const names = (fetched: string) =>
      files(fetched)
        .filter((name) => name !== undefined)
        .sort();
    expect(names(machine.fetched)).toEqual(['test.samples', 'train.samples', 'workload.mjs']);
    expect(names(small.fetched)).toEqual(['workload.mjs']);
  });

  it('lies in the run folder as the one module that workers were sent, and has its digest in the line of who did not allow it', () => {
    const digest = createHash('sha256')
      .update(readFileSync(join(run, 'workload.mjs')))
      .digest('hex');
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({ $workloadSha256: digest });
    expect(refused.code).toBe(exitCodes.data);
    expect(refused.stderr).toContain(
      `this run trains the workload "parity", code of the coordinator's with the sha256 ${digest}: --allow-workload runs it`,
    );
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('CIFAR-10', () => {
  it('is fetched by a machine that has neither it nor a way to the Internet', async () => {
    const data = join(folder.path, 'cifar-10-batches-bin');
    mkdirSync(data);
    for (const name of [1, 2, 3, 4, 5].map((n) => `data_batch_${n}`).concat('test_batch')) {
      const records = Buffer.alloc(10_000 * 3073);
      for (let at = 0; at < 10_000; at++) records.writeUInt32BE(at * 2 ** 8 + (at % 10) * 2 ** 24, at * 3073);
      writeFileSync(join(data, `${name}.bin`), records);
    }
    const run = ['--run-dir', join(folder.path, 'cifar'), '--recipe', 'smoke', '--data-dir', data];
    const coordinator = new Convoy(['coordinator', '--port', '0', ...run]);
    const [, url] = await coordinator.said(/listening on (ws:[^;]+);/);
    const { env, fetched } = bareMachine('cifar-machine');
    const noWay = { ...env, CONVOY_CIFAR10_URL: 'http://127.0.0.1:9/' };
    const worker = new Convoy(['worker', '--url', url!], noWay);
    // The coordinator has compared the digests by then.
    await coordinator.said(/worker 0 joined/);
    const [set] = readdirSync(fetched);
    expect(readdirSync(join(fetched, set!))).toHaveLength(6);
    coordinator.process.kill('SIGINT');
    await coordinator.finished;
    expect((await worker.finished).code).toBe(0);
  });
});
