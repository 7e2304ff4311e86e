import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { MachineClass } from './machine.ts';
import type { SimulationOptions } from './simulate.ts';

/** One mistake that somebody could make in the coordinator, as a change of its source. */
export interface Mutant {
  readonly name: string;
  readonly file: 'synchronous.ts' | 'roster.ts';
  /** Pairs of what stands there and what shall: found exactly once in the file, or the mutant is out of date. */
  readonly changes: readonly (readonly [original: string, mutated: string])[];
}

const synchronous = (name: string, original: string, mutated: string): Mutant => ({
  name,
  file: 'synchronous.ts',
  changes: [[original, mutated]],
});
const roster = (name: string, original: string, mutated: string): Mutant => ({
  name,
  file: 'roster.ts',
  changes: [[original, mutated]],
});

export const mutants: readonly Mutant[] = [
  synchronous(
    'does not settle after a worker has left',
    'this.#settle();\n    const effects',
    "if (event.type !== 'worker-left') this.#settle();\n    const effects",
  ),
  {
    name: 'accepts a result of an earlier attempt or step',
    file: 'synchronous.ts',
    changes: [
      ["if (phase.name !== 'collecting' || phase.task.id !== taskId) {", "if (phase.name !== 'collecting') {"],
      [
        'const held = lease !== null && sameHolding(lease, { task: taskId, block });',
        'const held = lease !== null && sameHolding({ ...lease, task: 0 }, { task: 0, block });',
      ],
    ],
  },
  synchronous('accepts a duplicate', 'if (!held || lease.cancelled || known) {', 'if (!held) {'),
  synchronous(
    'accepts a block that was not leased to its sender',
    'if (!held || lease.cancelled || known) {',
    'if (member === undefined || known) {',
  ),
  synchronous(
    'accepts a result that it had ordered to be given up',
    'if (!held || lease.cancelled || known) {',
    'if (!held || known) {',
  ),
  synchronous("does not release a lost worker's block", 'phase.free.give(lease.block);', ''),
  synchronous(
    'does not take the lease from a worker that came back without it',
    'if (member.lease !== null && (holding === null || !sameHolding(member.lease, holding))) {',
    'if (member.lease !== null && holding !== null && !sameHolding(member.lease, holding)) {',
  ),
  synchronous(
    'gives work to a worker that is still busy with what it brought along',
    'member.lease ??= {',
    'if (this.#nowMs < 0) member.lease ??= {',
  ),
  synchronous(
    'forgets to send the parameters again after a reconnection',
    'member.heardAtMs = this.#nowMs;\n      member.parametersAt = -1;',
    'member.heardAtMs = this.#nowMs;',
  ),
  synchronous(
    'forgets to send parameters again that were replaced',
    'for (const member of this.#roster) member.parametersAt = -1;',
    '',
  ),
  synchronous(
    'takes another step after the training has ended',
    'const isOver = this.#stopReason !== null && position.due.length === 0;',
    'const isOver = false;',
  ),
  synchronous(
    'does not test what a training arrived at that ended early',
    'this.#sequence.afterEvaluation(this.#position, this.#stopReason !== null)',
    'this.#sequence.afterEvaluation(this.#position)',
  ),
  synchronous(
    'forgets over a restart that the training has ended',
    'this.#stopReason = start.stopReason ?? null;',
    'this.#stopReason = null;',
  ),
  synchronous(
    'leases without parameters',
    "this.#effects.push({ type: 'send-parameters', workerId: member.id, step: task.step });",
    '',
  ),
  synchronous(
    'releases a block whose copy is still being computed',
    'if (isShared || lease.cancelled) return;',
    'if (lease.cancelled) return;',
  ),
  synchronous('leases a block to a third worker', 'if (!this.#roster.coHolders(holder).next().done) continue;', ''),
  roster(
    'counts who was told to stop among those who will deliver',
    'if (other.id === id || other.lease === null || other.lease.cancelled) continue;',
    'if (other.id === id || other.lease === null) continue;',
  ),
  synchronous('commits with a leaf missing', 'if (phase.missing.size === 0) {', 'if (phase.missing.size <= 1) {'),
  synchronous(
    'checkpoints before the evaluations that are due',
    'if (this.#pendingCheckpoint !== null && position.due.length === 0)',
    'if (this.#pendingCheckpoint !== null)',
  ),
  synchronous(
    'checkpoints a position that is off by one',
    "this.#effects.push({ type: 'checkpoint', position: this.#position, cause });",
    "this.#effects.push({ type: 'checkpoint', position: { ...this.#position, step: this.#position.step + 1 }, cause });",
  ),
  synchronous(
    'does not keep the number of skips in a row over a restart',
    'this.#consecutiveSkips = start.consecutiveSkips;',
    'this.#consecutiveSkips = 0;',
  ),
  synchronous('skips a step that was refused once', 'if (task.attempt === 1) {', 'if (task.attempt === 0) {'),
  synchronous('blames the workers for its own standstill', 'this.#roster.forgive(gapMs);', ''),
  synchronous('never finds a worker hung', 'nowMs >= lease.hungAtMs', 'nowMs === Infinity'),
  synchronous(
    'finds a slow worker hung after the same time again and again',
    'const patience = own === undefined ? 2 ** this.#roster.hangsOf(member.id) : 1;',
    'const patience = 1;',
  ),
  roster('quarantines for ever', 'record.quarantinedUntilMs = nowMs + forMs;', 'record.quarantinedUntilMs = Infinity;'),
  synchronous(
    'believes every suspicious result',
    'if (suspicion !== null && !this.#believe(member!, start, end)) {',
    "if (suspicion === 'never') {",
  ),
  synchronous(
    'waits for a silent worker without end',
    'if (nowMs >= heardAtMs + deadAfterMs) {',
    'if (nowMs === Infinity) {',
  ),
  synchronous('does not notice that a draining worker takes no more', 'member.draining = true;', ''),
  synchronous('leases below minWorkers', 'if (!enough) return;', ''),
  synchronous(
    'gives work to one that returns it, again and again',
    "if (!cancelled) this.#quarantine(event.workerId, 'it returns its leases');",
    '',
  ),
];

/** The other mistake: a mean over the results, whoever counted how many samples, instead of over the samples. */
export const byResults: SimulationOptions = { divisor: (_samples, results) => results };

const folder = fileURLToPath(new URL('../../packages/training/src/coordinator', import.meta.url));

/**
 * The coordinator with one mistake in it: its source with the change made, bundled in memory and imported.
 * @throws Error when the original isn't found exactly once.
 */
export async function machineOf({ name, file, changes }: Mutant): Promise<MachineClass> {
  const path = join(folder, file);
  let source = readFileSync(path, 'utf8');
  for (const [original, mutated] of changes) {
    const parts = source.split(original);
    if (parts.length !== 2) {
      throw new Error(`"${name}": ${file} has ${parts.length - 1} times what is to be changed, not once: ${original}`);
    }
    source = parts.join(mutated);
  }
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'synchronous.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    plugins: [
      {
        name: 'mutation',
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, (args) => (args.path === path ? { contents: source, loader: 'ts' } : undefined));
        },
      },
    ],
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`;
  const module = (await import(/* @vite-ignore */ url)) as { readonly SynchronousCoordinator: MachineClass };
  return module.SynchronousCoordinator;
}
