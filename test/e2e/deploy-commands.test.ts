import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { checkpointsCommand } from '@convoy/cli/commands/checkpoints';
import { coordinatorCommand } from '@convoy/cli/commands/coordinator';
import { historyCommand } from '@convoy/cli/commands/history';
import { statusCommand } from '@convoy/cli/commands/status';
import { tokenCommand } from '@convoy/cli/commands/token';
import { workerCommand } from '@convoy/cli/commands/worker';

const root = fileURLToPath(new URL('../..', import.meta.url));

const COMMANDS: Readonly<Record<string, () => Command>> = {
  coordinator: coordinatorCommand,
  worker: workerCommand,
  token: tokenCommand,
  status: statusCommand,
  history: historyCommand,
  checkpoints: checkpointsCommand,
};
const NAMES = Object.keys(COMMANDS).join('|');

/** What a shell, systemd and a chart put in the place of a variable, where it must be of a kind. */
const STAND_INS: readonly (readonly [RegExp, string])[] = [
  [/"\$@"|\$CONVOY_ARGUMENTS/g, ''],
  [/\$port|\$early|\$\{SLURM_CPUS_PER_TASK:-1\}/g, '1'],
  [/\$fingerprint/g, 'a'.repeat(64)],
  [/\$url|\$\{CONVOY_URL\}/g, 'wss://192.0.2.10:7311'],
  [/\bURL\b/g, 'wss://192.0.2.10:7311'],
];

const PLACES = ['infra/slurm', 'infra/systemd', 'infra/containers', 'infra/kubernetes', 'infra/helm', 'docs/deploy'];

/** Files that people use or copy from. */
function files(): readonly string[] {
  return PLACES.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(sbatch|service|ya?ml|tpl|md)$/.test(name))
      .map((name) => join(place, name)),
  );
}

/** The commands in a script, a unit or a page, as words behind `convoy`. */
function typedCommands(text: string): readonly string[] {
  const before = String.raw`(?:^|[\s\x60=/])(?:npx )?(?:\$\{CONVOY:-convoy\}|\$convoy|convoy|convoy-(?:worker|coordinator):\S+) `;
  const pattern = new RegExp(`${before}((?:${NAMES})\\b[^\\n|>&\`#;]*)`, 'gm');
  const typed = text.replace(/^#.*$/gm, '').replace(/\\\n\s*/g, ' ');
  // A name by itself is spoken of.
  return [...typed.matchAll(pattern)].map(([, command]) => command!).filter((command) => command.includes(' '));
}

/** The commands in lists of YAML: an item a line, or all of them in brackets. */
function listedCommands(text: string): readonly string[] {
  const lines = text
    .replace(/\{\{ \.Release\.Name \}\}/g, 'convoy')
    .split('\n')
    .filter((line) => !/^\s*(#|\{\{-)/.test(line) && !/^\s*- \{\{/.test(line));
  const commands = [...text.matchAll(new RegExp(`command: \\[((?:${NAMES}),[^\\]]*)\\]`, 'g'))].map(([, list]) =>
    list!.split(/,\s*/).join(' '),
  );
  lines.forEach((line, at) => {
    const [, name] = new RegExp(`^\\s*- (${NAMES})$`).exec(line) ?? [];
    if (name === undefined) return;
    const words = [name];
    for (const next of lines.slice(at + 1)) {
      const [, word] = /^\s*- (--\S+)$/.exec(next) ?? [];
      if (word === undefined) break;
      words.push(word);
    }
    commands.push(words.join(' '));
  });
  return commands;
}

/** Lets the program's own parser read a command. @throws what it says of a wrong one. */
function parse(command: string): void {
  const text = STAND_INS.reduce((line, [pattern, standIn]) => line.replace(pattern, standIn), command);
  const [name, ...args] = text.replace(/['"]/g, '').trim().split(/\s+/);
  COMMANDS[name!]!()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action(() => {})
    .parse(args, { from: 'user' });
}

describe('what the ways to place a run start', () => {
  it('are commands that the program takes, in every script, unit, manifest and page', () => {
    const commands = files().flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const found = /\.(ya?ml|tpl)$/.test(file) ? listedCommands(text) : typedCommands(text);
      return found.map((command) => [file, command] as const);
    });
    for (const [file, command] of commands) expect(() => parse(command), `${file}: ${command}`).not.toThrow();
    const holders = new Set(commands.map(([file]) => file));
    for (const holder of [
      'infra/slurm/coordinator.sbatch',
      'infra/slurm/worker.sbatch',
      'infra/systemd/convoy-coordinator@.service',
      'infra/systemd/convoy-worker@.service',
      'infra/containers/compose.yaml',
      'infra/kubernetes/base/coordinator.yaml',
      'infra/kubernetes/overlays/deployment/workers.yaml',
      'infra/helm/convoy/templates/_coordinator.tpl',
      'infra/helm/convoy/templates/_worker.tpl',
      'docs/deploy/containers.md',
    ]) {
      expect(holders).toContain(holder);
    }
  });

  it('would be refused with a flag that does not exist', () => {
    expect(() => parse('worker --url ws://a:1 --no-such-flag')).toThrow('unknown option');
  });
});
