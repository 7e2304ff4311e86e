import { lstatSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { cacheDirectory } from '@convoy/model/cache-directory';
import { createProgram } from '@convoy/engine/create-program';
import { loadEngine } from '@convoy/engine/backends/load';
import { openConfigured } from '@convoy/cifar10/locate';
import { lessonModel } from '@convoy/cifar10/models';
import { selfTest } from '@convoy/engine/self-test';
import { usableEngine } from '@convoy/convoy/local-engine';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileFaultText } from '@convoy/protocol/file-error';
import { probeFolder } from '@convoy/run-store/probe-folder';
import { DEFAULT_PORT } from '@convoy/transport/default-port';
import { listen } from '@convoy/transport/listen';
import { serverCodec } from '@convoy/server/serve';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { dataFlags, engineFlags, jsonFlag } from '../flags/run.ts';
import { computeOptions, threadsPerWorker } from '@convoy/worker/engine-options';
import { colorsFor } from '../colors.ts';

/** What one check found: a warning costs something, a failure keeps Convoy from training here. */
interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failure';
  readonly detail: string;
}

const doctorFlags = flagTable({
  dataDir: { ...dataFlags.dataDir, defaultText: '$CIFAR10_DIR, else the cache' },
  ...jsonFlag,
  ...engineFlags,
});
type DoctorFlags = FlagValues<typeof doctorFlags>;

const OLDEST_NODE = [20, 19] as const;
const LITTLE_SPACE_BYTES = 1e9;

/** `doctor`: what this machine can do, and what to change where it can't. */
export function doctorCommand(): Command {
  const command = newCommand('doctor').description(
    'check Node, the engine and its gradients, the data, the port and the disk',
  );
  return addFlags(command, doctorFlags)
    .addHelpText(
      'after',
      '\nExample:\n  $ convoy doctor\n\nExit codes: 0 when training can start here, 4 when no engine computes correctly.',
    )
    .action(diagnose);
}

async function diagnose(flags: DoctorFlags): Promise<void> {
  const findings: Finding[] = [];
  const note = (finding: Finding) => {
    findings.push(finding);
    if (!flags.json) process.stdout.write(`${describe(finding)}\n`);
  };
  note(checkNode());
  for (const finding of await checkEngine(flags)) note(finding);
  note(checkMemory());
  note(await checkData(flags));
  note(await checkPort());
  for (const [what, folder] of [
    ['runs', 'runs'],
    ['cache', cacheDirectory(process.env, process.platform)],
  ] as const) {
    note(await checkDisk(what, folder));
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(findings)}\n`);
  if (findings.some(({ status }) => status === 'failure')) process.exitCode = exitCodes.engine;
}

function checkNode(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const detail = `${process.versions.node} on ${process.platform} ${process.arch}, ${countOf(availableParallelism(), 'core')}`;
  return isOld
    ? { check: 'Node', status: 'failure', detail: `${detail}: install ${OLDEST_NODE.join('.')} or newer` }
    : { check: 'Node', status: 'ok', detail };
}

async function checkEngine(flags: DoctorFlags): Promise<readonly Finding[]> {
  const threads = threadsPerWorker(flags, false, 1);
  let warning: string | null = null;
  try {
    const onFallback = (reason: string) => (warning = reason);
    const usable = { ...flags, engine: await usableEngine(flags.engine, onFallback) };
    const engine = await loadEngine({ ...computeOptions(usable, threads, process.env, onFallback), onFallback });
    const { name, version } = engine;
    const detail = `${name} ${version}, ${countOf(engine.threads, 'thread')}`;
    const loaded: Finding = { check: 'engine', status: warning === null ? 'ok' : 'warning', detail: warning ?? detail };
    let note: string | null = null;
    const model = lessonModel;
    const program = createProgram(engine, model, {
      cacheDir: cacheDirectory(process.env, process.platform),
      onNote: (line) => (note = line),
    });
    const startedMs = performance.now();
    const { error, fingerprint, passed } = selfTest(program, model);
    const ms = performance.now() - startedMs;
    program.dispose();
    const figures = `off by ${(100 * error).toFixed(1)} % from finite differences, bits ${fingerprint.slice(0, 8)}, ${ms.toFixed(0)} ms`;
    const steps = engine.name === 'tensorflow' ? 'compiled to one graph' : 'operation by operation';
    return [
      loaded,
      { check: 'step', status: note === null ? 'ok' : 'warning', detail: note ?? steps },
      passed
        ? { check: 'gradient', status: 'ok', detail: figures }
        : {
            check: 'gradient',
            status: 'failure',
            detail: `wrong (${figures}): try ONEDNN_MAX_CPU_ISA=AVX2, or --engine wasm`,
          },
    ];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [{ check: 'engine', status: 'failure', detail: error.message }];
  }
}

function checkMemory(): Finding {
  const pages = process.env['GLIBC_TUNABLES']?.includes('hugetlb') ? ', large pages on' : '';
  return { check: 'memory', status: 'ok', detail: `${(totalmem() / 1e9).toFixed(1)} GB${pages}` };
}

async function checkData({ dataDir }: DoctorFlags): Promise<Finding> {
  const isNamed = dataDir !== undefined || Boolean(process.env['CIFAR10_DIR']);
  try {
    const dataset = await openConfigured({ name: 'cifar10' }, { dataDir, environment: process.env, download: false });
    const { trainCount, testCount, origin, fingerprint } = dataset;
    return {
      check: 'data',
      status: 'ok',
      detail: `${origin}: ${trainCount} + ${testCount} images, bits ${fingerprint.slice(0, 8)}`,
    };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const detail = isNamed
      ? error.message
      : 'CIFAR-10 is not on this machine: a run downloads it (162 MiB), or give --data-dir';
    return { check: 'data', status: 'warning', detail };
  }
}

async function checkPort(): Promise<Finding> {
  try {
    const listener = await listen({
      host: '127.0.0.1',
      port: DEFAULT_PORT,
      codec: serverCodec,
      maxMessageBytes: 1,
      maxConnections: 1,
      onConnection: () => {},
    });
    await listener.close();
    return { check: 'port', status: 'ok', detail: `${DEFAULT_PORT} is free for a coordinator` };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { check: 'port', status: 'warning', detail: error.message };
  }
}

async function checkDisk(what: string, folder: string): Promise<Finding> {
  const check = `disk (${what})`;
  try {
    const there = nearestThere(resolve(folder));
    probeFolder(there);
    const { bavail, bsize } = await statfs(there);
    const free = bavail * bsize;
    const willBeMade = there === resolve(folder) ? '' : `; ${folder} will be made`;
    const detail = `${(free / 1e9).toFixed(1)} GB free${willBeMade}`;
    return free < LITTLE_SPACE_BYTES
      ? { check, status: 'warning', detail: `${detail} at ${folder}: a run and its data want 1 GB` }
      : { check, status: 'ok', detail };
  } catch (error) {
    return { check, status: 'warning', detail: `can't write to ${folder}: ${fileFaultText(error) ?? String(error)}` };
  }
}

/** A path, or what is there of it: the folder in which the rest would be made. */
function nearestThere(path: string): string {
  // A link to nothing is there, too: nothing can be made through it.
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? nearestThere(dirname(path)) : path;
}

function describe({ check, status, detail }: Finding): string {
  const colors = colorsFor(process.stdout);
  const mark = { ok: colors.green('✔'), warning: colors.yellow('!'), failure: colors.red('✖') }[status];
  return `${mark} ${check.padEnd(13)} ${detail}`;
}
