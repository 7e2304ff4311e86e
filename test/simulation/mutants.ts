import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { MachineClass } from './machine.ts';
import type { SimulationOptions } from './simulate.ts';

/** One mistake that somebody could make in the coordinator, as a change of its source. */
export interface Mutant {
  readonly name: string;
  /** In packages/training/src/coordinator. */
  readonly file: string;
  /** Pairs of what stands there and what shall: found exactly once in the file, or the mutant is out of date. */
  readonly changes: readonly (readonly [original: string, mutated: string])[];
}

const inFile =
  (file: string) =>
  (name: string, ...changes: Mutant['changes']): Mutant => ({ name, file, changes });

const coordinator = inFile('coordinator.ts');
const membership = inFile('membership.ts');
const conduct = inFile('conduct.ts');
const leasing = inFile('leasing.ts');
const deadlines = inFile('deadlines.ts');
const mode = inFile('modes/synchronous.ts');

const ACCEPTANCE = 'if (!held || lease.cancelled || known) {';

export const mutants: readonly Mutant[] = [
  coordinator('does not settle after a worker has left', [
    'this.#settle();\n    return',
    "if (event.type !== 'worker-left') this.#settle();\n    return",
  ]),
  coordinator('forgets to send parameters again that were replaced', [
    'for (const member of this.#membership) member.parametersAt = -1;',
    '',
  ]),
  coordinator('blames the workers for its own standstill', ['this.#membership.forgive(gapMs);', '']),
  coordinator('does not notice that a draining worker takes no more', ['member.draining = true;', '']),
  coordinator('leases below minWorkers', [
    'if (this.#standstill !== null) return;',
    "if (this.#standstill === 'paused') return;",
  ]),
  coordinator('leases while an operator wants a pause', [
    'if (this.#standstill !== null) return;',
    "if (this.#standstill === 'waiting') return;",
  ]),
  coordinator('pauses in the middle of a step', [
    "task.kind === 'gradient' && task.attempt === 1 && this.#leasing.isUntouched",
    "task.kind === 'gradient' && task.attempt === 1",
  ]),
  coordinator('pauses before the evaluations that are due', ["task.kind === 'gradient' && task.attempt === 1 && ", '']),
  coordinator('pauses without a checkpoint', ['this.#mode.saveUnsaved();', '']),
  coordinator('does not go on after a pause', ['this.#isPauseWanted = false;\n        return;', 'return;']),
  coordinator('makes who asks for a checkpoint in a pause wait for its end', [
    "this.#standstill === 'paused' ? this.#mode.saveAgain() : this.#mode.requestCheckpoint()",
    'this.#mode.requestCheckpoint()',
  ]),

  leasing(
    'accepts a result of an earlier attempt or step',
    ['if (open === null || open.task.id !== taskId) {', 'if (open === null) {'],
    [
      'const held = lease !== null && sameHolding(lease, holding);',
      'const held = lease !== null && sameHolding({ ...lease, task: 0 }, { task: 0, block });',
    ],
  ),
  leasing('accepts a duplicate', [ACCEPTANCE, 'if (!held) {']),
  leasing('accepts a block that was not leased to its sender', [ACCEPTANCE, 'if (member === undefined || known) {']),
  leasing('accepts a result that it had ordered to be given up', [ACCEPTANCE, 'if (!held || known) {']),
  leasing('commits with a leaf missing', ['this.#open?.missing.size === 0', '(this.#open?.missing.size ?? 2) <= 1']),
  leasing("does not release a lost worker's block", ['open.free.give(lease.block);', '']),
  leasing('does not take the lease from a worker that came back without it', [
    'if (member.lease !== null && (holding === null || !sameHolding(member.lease, holding))) {',
    'if (member.lease !== null && holding !== null && !sameHolding(member.lease, holding)) {',
  ]),
  leasing('gives work to a worker that is still busy with what it brought along', [
    'member.lease ??= {',
    'if (this.#turn.nowMs < 0) member.lease ??= {',
  ]),
  leasing('leases without parameters', [
    "this.#turn.order({ type: 'send-parameters', workerId: member.id, step: task.step });",
    '',
  ]),
  leasing('releases a block whose copy is still being computed', [
    'if (isShared || lease.cancelled) return;',
    'if (lease.cancelled) return;',
  ]),
  leasing('leases a block to a third worker that has proved nothing', ['if (idle.isConfirmed) return', 'return']),
  leasing('lets two that give nothing keep a block', [
    'if (idle.isConfirmed) return',
    'if (idle.isConfirmed) return false &&',
  ]),
  leasing('takes one address for two witnesses', ['one.origin !== origin || this.#areTwo(one, member, task)', 'true']),
  leasing('has a refused step computed again by whoever is there', [
    'task.attempt > 1 && this.#membership.hasConfirmed',
    'task.attempt > 2 && this.#membership.hasConfirmed',
  ]),
  leasing('believes every suspicious result', [
    'if (suspicion !== null && !this.#believe(member!, open, start, end)) {',
    "if (suspicion === 'never') {",
  ]),
  leasing('gives work to one that returns it, again and again', [
    "this.#membership.quarantine(member, 'it returns its leases');",
    '',
  ]),

  deadlines('finds a slow worker hung after the same time again and again', [
    'const patience = own === undefined ? 2 ** hangs : 1;',
    'const patience = 1;',
  ]),

  membership('forgets to send the parameters again after a reconnection', ['known.parametersAt = -1;', '']),
  membership('counts who was told to stop among those who will deliver', [
    'if (other.id === id || other.lease === null || other.lease.cancelled) continue;',
    'if (other.id === id || other.lease === null) continue;',
  ]),
  membership('never finds a worker hung', ['heardAtMs >= lease.hungAtMs', 'nowMs === Infinity']),
  membership('calls a link hung that is dead', ['heardAtMs >= lease.hungAtMs', 'nowMs >= lease.hungAtMs']),
  membership('lets a liar come back at once under another name', [
    'Math.max(byName, this.#lies.quarantinedUntilMs(origin))',
    'byName',
  ]),
  membership('counts who has just lied among those that have proved themselves', ['member.isConfirmed = false;', '']),
  membership('waits for a silent worker without end', ['nowMs >= heardAtMs + deadAfterMs', 'nowMs === Infinity']),

  conduct('quarantines for ever', [
    'record.quarantinedUntilMs = nowMs + forMs;',
    'record.quarantinedUntilMs = Infinity;',
  ]),

  mode('takes another step after the training has ended', [
    'const isOver = this.#stopReason !== null && this.#position.due.length === 0;',
    'const isOver = false;',
  ]),
  mode('does not test what a training arrived at that ended early', [
    'this.#sequence.afterEvaluation(this.#position, this.#stopReason !== null)',
    'this.#sequence.afterEvaluation(this.#position)',
  ]),
  mode('forgets over a restart that the training has ended', [
    'this.#stopReason = start.stopReason ?? null;',
    'this.#stopReason = null;',
  ]),
  mode('checkpoints before the evaluations that are due', [
    'if (this.#pendingCheckpoint !== null && position.due.length === 0)',
    'if (this.#pendingCheckpoint !== null)',
  ]),
  mode('forgets a checkpoint that an operator asks for', ["this.#pendingCheckpoint ??= 'requested';", '']),
  mode('checkpoints at once when an operator asks, whatever is due', [
    "this.#pendingCheckpoint ??= 'requested';",
    "this.#checkpoint('requested');",
  ]),
  mode('makes the checkpoint that an operator asked for after every step', [
    'this.#pendingCheckpoint = null;\n    this.#checkpointAt',
    "if (cause !== 'requested') this.#pendingCheckpoint = null;\n    this.#checkpointAt",
  ]),
  mode('checkpoints a position that is off by one', [
    "this.#turn.order({ type: 'checkpoint', position: this.#position, cause });",
    "this.#turn.order({ type: 'checkpoint', position: { ...this.#position, step: this.#position.step + 1 }, cause });",
  ]),
  mode('does not keep the number of skips in a row over a restart', [
    'this.#consecutiveSkips = start.consecutiveSkips;',
    'this.#consecutiveSkips = 0;',
  ]),
  mode('skips a step that was refused once', ['if (task.attempt === 1) {', 'if (task.attempt === 0) {']),
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
    entryPoints: [join(folder, 'coordinator.ts')],
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
  const module = (await import(/* @vite-ignore */ url)) as { readonly Coordinator: MachineClass };
  return module.Coordinator;
}
