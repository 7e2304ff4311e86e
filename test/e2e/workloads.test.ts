import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import type { RunSummary } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const example = (name: string) => fileURLToPath(new URL(`../../examples/workloads/${name}`, import.meta.url));

/** Trains an example in micro-batches of which four workers have one each, digits for half as long as its settings say. */
async function train(name: string, run: string, ...args: string[]): Promise<RunSummary> {
  if (name === 'digits') args.push('--epochs', '2');
  const common = ['--workload', example(`${name}.ts`), '--micro-batch', '16', '--deterministic', '--json'];
  const finished = await convoy(['train', ...common, '--run-dir', run, ...args]);
  expect(finished.stderr).not.toContain('operation by operation');
  return summaryOf(finished);
}

/** The digest of the parameters that a run of this file has ended with. */
function finalDigest(run: string): string {
  const table = readFileSync(join(folder.path, run, 'parameters.json'), 'utf8');
  return (JSON.parse(table) as { sha256: string }).sha256;
}

const PANELS = ['--workload', example('panels.ts')];

describe.each(['digits', 'panels'] as const)('the workload %s', (name) => {
  const workload = ['--workload', example(`${name}.ts`)];
  const single = join(folder.path, `${name}-single`);
  let reference: RunSummary;
  beforeAll(async () => {
    reference = await train(name, single, '--single');
  });

  it('is learned: digits are told apart, and panels foretold to a few watts', () => {
    expect(reference).toMatchObject({ outcome: 'completed', health: [] });
    if (name === 'digits') expect(reference.testAccuracy).toBeGreaterThan(0.8);
    else {
      // Of up to 430 watts. The test's units are hundreds of watts, and the best that the mean could do is 0.8.
      expect(reference.testMeanAbsoluteError).toBeLessThan(0.06);
      expect(reference.testAccuracy).toBeNull();
    }
  });

  it('comes to the same parameters with two workers as in one process, compiled in all', async () => {
    const { parametersSha256, testLoss } = reference;
    const summary = await train(name, join(folder.path, `${name}-two`), '--workers', '2', '--min-workers', '2');
    expect(summary).toMatchObject({ parametersSha256, testLoss });
  });

  it('is evaluated, and asked about a sample, from its folder', async () => {
    const common = ['--run', single, ...workload, '--threads', '1', '--json'];
    const { stdout } = await convoy(['evaluate', ...common]);
    const evaluation = JSON.parse(stdout) as { loss: number; accuracy?: number; meanAbsoluteError?: number };
    expect(evaluation.loss).toBe(reference.testLoss);
    const asked = await convoy(['predict', ...common, '--index', '3']);
    const { predictions } = JSON.parse(asked.stdout) as {
      predictions: { truth: string | number[]; top?: { class: string }[]; values?: number[] }[];
    };
    const [{ truth, top, values }] = predictions as [(typeof predictions)[0]];
    if (name === 'digits') {
      expect(evaluation.accuracy).toBe(reference.testAccuracy);
      expect(top![0]!.class).toBe(truth);
    } else {
      expect(evaluation.meanAbsoluteError).toBe(reference.testMeanAbsoluteError);
      expect(Math.abs(values![0]! - (truth as number[])[0]!)).toBeLessThan(0.3);
    }
  });
});

describe('a workload', () => {
  it('goes on where it was interrupted, to the same end, and says which file it needs', async () => {
    const run = join(folder.path, 'resumed');
    const args = ['--micro-batch', '16', '--deterministic', '--json', '--run-dir', run, '--checkpoint-every', '5'];
    const first = new Convoy(['train', ...PANELS, ...args, '--workers', '2']);
    await first.said(/step \d+/);
    first.process.kill('SIGINT');
    await first.finished;
    expect(eventsOf(run).filter(({ type }) => type === 'checkpoint-saved')).not.toHaveLength(0);

    const without = await convoy(['train', '--resume', run]);
    expect(without.code).toBe(exitCodes.usage);
    expect(without.stderr).toContain(`this run trains the workload "panels": give its file with --workload`);
    const again = await convoy(['train', '--resume', run, ...PANELS, '--json', '--workers', '1']);
    expect(summaryOf(again).parametersSha256).toBe(finalDigest('panels-single'));
  });

  it("comes to the same parameters by its run's config.json, of which options replace parts", async () => {
    const again = join(folder.path, 'again');
    const config = join(folder.path, 'panels-single', 'config.json');
    const args = ['--config', config, ...PANELS, '--single', '--json', '--run-dir', again];
    const { parametersSha256 } = summaryOf(await convoy(['train', ...args]));
    expect(parametersSha256).toBe(finalDigest('panels-single'));
    const { code, stdout } = await convoy(['config', '--config', config, ...PANELS, '--lr', '0.25']);
    expect(code).toBe(0);
    const trained = JSON.parse(readFileSync(config, 'utf8')) as { optimizer: object };
    expect(JSON.parse(stdout)).toEqual({ ...trained, optimizer: { ...trained.optimizer, learningRate: 0.25 } });
    // What train refuses is refused here.
    const smoothed = await convoy(['config', ...PANELS, '--label-smoothing', '0.1']);
    expect(smoothed).toMatchObject({ code: exitCodes.usage, stdout: '' });
    expect(smoothed.stderr).toContain('labelSmoothing is for classes');
  });

  it('is listed layer by layer', async () => {
    const { code, stdout } = await convoy(['summary', '--workload', example('digits.ts')]);
    expect(code).toBe(0);
    expect(stdout).toContain('(None, 24, 24, 8)');
  });

  it('of images is shown, and an image file is asked about', async () => {
    const grid = join(folder.path, 'grid.png');
    const shown = await convoy(['show', '--workload', example('digits.ts'), '--count', '10', '--out', grid]);
    expect(shown).toMatchObject({ code: 0, stdout: `10 images of digits, train: ${grid}\n` });
    const single = join(folder.path, 'digits-single');
    const asked = await convoy(['predict', '--workload', example('digits.ts'), '--run', single, grid]);
    expect(asked.stdout).toMatch(/^.*grid\.png: \d [\d.]+ %, \d [\d.]+ %, \d [\d.]+ %\n$/);
    const panels = await convoy(['show', '--workload', example('panels.ts'), '--out', grid]);
    expect(panels.stderr).toContain('this takes samples that are square images');
  });

  it('whose settings mean nothing for it is refused before it trains', async () => {
    const refused = await convoy(['train', '--workload', example('panels.ts'), '--augment', 'flip']);
    expect(refused.code).toBe(exitCodes.usage);
    expect(refused.stderr).toContain('augmentation is for images');
    const both = await convoy(['train', '--workload', example('panels.ts'), '--model', 'resnet']);
    expect(both.stderr).toContain("option '--workload <file>' cannot be used with option '--model <name>'");
  });

  it('with other data than the coordinator has is turned away, and told so', async () => {
    const file = (name: string, data: string) => {
      const path = join(folder.path, name);
      writeFileSync(path, PARITY.replace('index % 2', data));
      return path;
    };
    const coordinator = new Convoy(['coordinator', '--port', '0', '--workload', file('parity.mjs', 'index % 2')]);
    const [, url] = await coordinator.said(/listening on (ws:[^;]+);/);
    const refused = await convoy(['worker', '--url', url!, '--workload', file('other.mjs', '(index + 1) % 2')]);
    expect(refused.code).toBe(exitCodes.rejected);
    expect(refused.stderr).toMatch(/the worker's data \(.+\) is not the run's \(.+\): give it the same files/);
    const without = await convoy(['worker', '--url', url!]);
    expect(without.stderr).toContain('this run trains the workload "parity", code of the coordinator\'s');
    coordinator.process.kill('SIGINT');
    await coordinator.finished;
  });
});

const PARITY = `export default {
  name: 'parity',
  inputType: 'float32',
  loss: 'sparseCategoricalCrossentropy',
  model: [
    { type: 'input', name: 'in', shape: [1] },
    { type: 'dense', name: 'out', units: 2, activation: 'softmax' },
  ],
  dataset: () => ({
    trainCount: 64,
    testCount: 8,
    classNames: ['even', 'odd'],
    read(split, index, input) {
      input[0] = index;
      return index % 2;
    },
  }),
};
`;
