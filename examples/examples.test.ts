import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'convoy-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What TensorFlow says when it loads with oneDNN's convolutions, whatever its log level. */
const TENSORFLOW_GREETING =
  /^WARNING: All log messages before absl::InitializeLog|^I0000 .* oneDNN custom operations are on/;

/** Settings with which an example is over in seconds. */
const config = join(folder, 'convoy.json');
const dataset = { name: 'synthetic', trainCount: 60, testCount: 10 };
const tiny = { dataset, globalBatchSize: 4, maxSteps: 10, validationSplit: 0.2, evaluationBatchSize: 12 };
writeFileSync(config, JSON.stringify({ ...tiny, deterministic: true }));

/** Runs an example as its first line says, in a folder of its own, and interrupts it once it has said what matches. */
function run(name: string, interruptAt?: RegExp): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, program, config], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let isInterrupted = false;
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
    if (isInterrupted || !interruptAt?.test(stdout)) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!TENSORFLOW_GREETING.test(line)) stderr += `${line}\n`;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

describe('the examples', () => {
  it('are these', () => {
    const programs = readdirSync(new URL('.', import.meta.url)).filter((name) => /^\w+\.ts$/.test(name));
    expect(programs).toEqual(['stop.ts', 'sweep.ts', 'watch.ts']);
  });

  it('watch: shows workers, steps and evaluations, and asks the model', async () => {
    const { code, stdout } = await run('watch');
    expect(stdout).toMatch(/worker 0 computes with /);
    expect(stdout).toMatch(/step 10: loss \d/);
    expect(stdout).toMatch(/test accuracy \d/);
    expect(stdout).toMatch(/completed: .+, 904718 parameters, sha256 [0-9a-f]{64}/);
    expect(stdout).toMatch(/a black image is of class \d, it says/);
    expect(code).toBe(0);
  });

  it('stop: is interrupted by Ctrl-C, and goes on to the end', async () => {
    const { code, stdout } = await run('stop', /step 2 is done/);
    expect(stdout).toMatch(/interrupted after \d steps: Ctrl-C\ncompleted after 10 steps: sha256 [0-9a-f]{64}/);
    expect(code).toBe(0);
  });

  it('sweep: trains with three learning rates, and says nothing but what the program does', async () => {
    const { code, stdout, stderr } = await run('sweep');
    expect(stdout.match(/^learning rate .+: validation accuracy [\d.]+ %, runs\/.+$/gm)).toHaveLength(3);
    expect(stdout).toMatch(/best: 0\.\d+\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
