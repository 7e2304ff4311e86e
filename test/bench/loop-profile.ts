import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { launchEnvironment } from '@convoy/infra/launch';
import { nodeOptions } from '@convoy/infra/program';
import type { Loop, LoopSpeed } from './gradient-loop.ts';

/** Milliseconds per image. */
export interface LoopProfile {
  /** From beginning to end, and of processor time: they differ when others use the machine. */
  readonly ms: number;
  readonly cpuMs: number;
  /** Of it inside oneDNN, by the primitive's kind: convolution, gemm_api, pooling, … */
  readonly kernels: Readonly<Record<string, number>>;
}

/** Runs a bare loop of gradients with oneDNN telling what it does, and adds up what it tells of the timed part. */
export async function profileLoop(loop: Loop, env: Readonly<Record<string, string>>): Promise<LoopProfile> {
  const program = fileURLToPath(new URL('gradient-loop.ts', import.meta.url));
  const threads = String(loop.threads);
  const settings = { TF_NUM_INTRAOP_THREADS: threads, TF_NUM_INTEROP_THREADS: threads, ONEDNN_VERBOSE: '1' };
  const child = spawn(process.execPath, [...nodeOptions(), program, JSON.stringify(loop)], {
    env: launchEnvironment({ ...process.env, ...settings, ...env }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  // It starts when it is warm.
  child.stdin.end('go\n');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the loop of gradients ended with ${code}`);
  return profileOf(stdout);
}

/** @param output of gradient-loop.ts: oneDNN's lines among its own two, of which the first says that it is warm. */
export function profileOf(output: string): LoopProfile {
  const lines = output.split('\n');
  const { samplesPerSecond, samplesPerCpuSecond, images } = JSON.parse(
    lines.findLast((line) => line.startsWith('{"'))!,
  ) as LoopSpeed;
  const kernels: Record<string, number> = {};
  for (const line of lines.slice(lines.indexOf('{}'))) {
    // onednn_verbose,v1,primitive,exec,cpu,KIND,IMPLEMENTATION,…,MILLISECONDS
    const [mark, , , event, , kind, ...rest] = line.split(',');
    if (mark !== 'onednn_verbose' || event !== 'exec') continue;
    kernels[kind!] = (kernels[kind!] ?? 0) + Number(rest.at(-1)) / images;
  }
  return { ms: 1000 / samplesPerSecond, cpuMs: 1000 / samplesPerCpuSecond, kernels };
}
