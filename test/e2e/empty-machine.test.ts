// The README's chapter on several machines, as it stands: a coordinator from the installed package on one host, and on another, which
// has Node and nothing else, what the README says to do there. Only addresses, the fingerprint and the token take the place of the README's.
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BINARY_FILES, OFFICIAL_LAYOUT, RECORD_BYTES } from '@convoy/cifar10/binary';
import { temporaryFolder, type Finished } from '../support/convoy.ts';
import { ended } from '../support/ended.ts';
import { foreignEnvironment, INSTALLED_AFTER_MS, installedPackage, npmRegistry, registryObstacle, type InstalledPackage } from '../support/installed-package.ts'; // prettier-ignore
import { Network, networkObstacle, type Host } from '../support/network.ts';
import { eventOf } from '../support/run-watch.ts';
import { wayOut, type WayOut } from '../support/way-out.ts';

const obstacle = networkObstacle();
if (obstacle === null) describe("the README's chapter on several machines", onTwoMachines);
else it("the README's chapter on several machines", () => console.info(`NOT CHECKED: the README's chapter on several machines: ${obstacle}`)); // prettier-ignore

/** The chapter's blocks of commands, without their comments: on the coordinator's machine, on a worker's, and to watch. */
function chapter(): readonly [readonly string[], readonly string[], readonly string[]] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, text] = /\*\*On several machines\.\*\*(.*?)\nOver ssh, /s.exec(readme)!;
  const blocks = [...text!.matchAll(/^```\n(.*?)\n```$/gms)].map(([, block]) =>
    block!.split('\n').map((line) => line.replace(/\s+#.*/, '')),
  );
  expect(blocks).toHaveLength(3);
  return blocks as never;
}

/** CIFAR-10's files, with labels and without pictures. */
function writeStandIn(folder: string): string {
  mkdirSync(folder);
  const bytes = Buffer.alloc(OFFICIAL_LAYOUT.recordsPerFile * RECORD_BYTES);
  for (let record = 0; record < OFFICIAL_LAYOUT.recordsPerFile; record++) bytes[record * RECORD_BYTES] = record % 10;
  for (const name of BINARY_FILES) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** Where this machine's pip is told of its indexes, if its user has told it. */
function pipConfiguration(): Record<string, string> {
  const file = [join(homedir(), '.config/pip/pip.conf'), join(homedir(), '.pip/pip.conf')].find(existsSync);
  return file === undefined ? {} : { PIP_CONFIG_FILE: file };
}

/** A shell on a host, and what it has printed so far. */
class Shell {
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(host: Host, script: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    const [program, ...words] = [...host.through, 'bash', '-c', script.join('\n')];
    this.#child = spawn(program!, words, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.finished = ended(this.#child);
    void this.finished.then(() => this.#hear('(ended)'));
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
  }

  /** Waits for a line. @throws when the shell ends without it. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.#lines) {
        const found = pattern.exec(line);
        if (found !== null) return found;
      }
      if (this.#lines.at(-1) === '(ended)') throw new Error(`${pattern} was not said:\n${this.#lines.join('\n')}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) process.kill(-this.#child.pid!, 'SIGKILL');
  }

  #hear(line: string): void {
    this.#lines.push(line);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function onTwoMachines(): void {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  const shells: Shell[] = [];
  afterAll(() => shells.forEach((shell) => shell.kill()));
  let installed: InstalledPackage;
  let network: Network | undefined;
  let out: WayOut | undefined;
  beforeAll(async () => {
    installed = await installedPackage();
    network = new Network(['server', 'empty']);
    out = await wayOut(network.host('empty'), folder.path);
  }, INSTALLED_AFTER_MS);
  afterAll(() => {
    out?.close();
    network?.remove();
  });

  function shell(host: Host, script: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Shell {
    const started = new Shell(host, script, cwd, env);
    shells.push(started);
    return started;
  }

  it(
    'is right word for word, for a machine that has Node and nothing else',
    async () => {
      const missing = installed.obstacle ?? (await registryObstacleThere());
      if (missing !== null) return console.info(`NOT CHECKED: the README's chapter on several machines: ${missing}`);
      const [onServer, onWorker, watching] = chapter();
      const [server, empty] = [network!.host('server'), network!.host('empty')];
      const served = join(installed.project, 'several machines');
      mkdirSync(served);
      const data = process.env['CIFAR10_DIR'] || writeStandIn(join(folder.path, 'cifar'));
      const serverEnvironment = { ...foreignEnvironment(), CIFAR10_DIR: data };
      const coordinator = shell(server, onServer, served, serverEnvironment);
      const [, printed, fingerprint] = await coordinator.said(/^ {2}(npx tfjs-convoy worker .*(sha256:\S+))$/);
      const address = (line: string) => line.replace('192.0.2.10', server.ipv4).replace('sha256:…', fingerprint!);
      const [, token] = /^(cw_\S+)/m.exec(readFileSync(join(served, 'convoy-tokens'), 'utf8'))!;
      // The README's last line there is the command that the coordinator has printed.
      expect(address(onWorker.at(-1)!)).toBe(printed);

      const home = join(folder.path, 'home');
      const work = join(home, 'work');
      mkdirSync(work, { recursive: true });
      copyFileSync(installed.tarball, join(work, basename(installed.tarball)));
      // As the README says of the time before the package is on npm.
      const fetched = (line: string) => line.replace('npx tfjs-convoy', `npx file:${basename(installed.tarball)}`);
      const commands = [...onWorker.slice(0, -1), printed!].map((line) => fetched(line.replace('cw_…', token!)));
      const started = Date.now();
      const worker = shell(empty, commands, work, { ...emptyEnvironment(), HOME: home });
      const run = join(served, 'runs', readdirSync(join(served, 'runs'))[0]!);
      const first = await Promise.race([eventOf(run, 'step'), worker.finished]);
      if ('code' in first) throw new Error(`the worker ended with ${first.code}:\n${first.stdout}${first.stderr}`);
      console.info(
        `from nothing to the first result: ${((first.at - started) / 1000).toFixed(1)} s on ${cpus()[0]?.model}`,
      );

      const watch = (line: string) => shell(server, [address(line)], served, serverEnvironment).finished;
      expect(await watch(watching[0]!)).toMatchObject({ code: 0, stdout: expect.stringContaining('training, step') });
      expect((await watch(watching[1]!)).code).toBe(0);
      expect((await coordinator.finished).code).toBe(0);
      const left = await worker.finished;
      expect(left.code).toBe(0);
      // It had nothing before.
      expect(readdirSync(join(home, '.cache/convoy'))).toContain('fetched');
      const joined = await eventOf(run, 'worker-joined');
      if (/TensorFlow is ready/.test(left.stdout)) return expect(joined.engine).toMatch(/^tensorflow /);
      const why = left.stderr.split('\n').find((line) => /could not|needs/.test(line));
      console.info(`NOT CHECKED: TensorFlow on an empty machine: ${why}`);
    },
    INSTALLED_AFTER_MS,
  );

  /** This machine's environment, as far as it says where packages come from. */
  function emptyEnvironment(): Record<string, string> {
    const own = /^(CONVOY_|CIFAR10_|XDG_|HOME$)/;
    const rest = Object.entries({ ...foreignEnvironment(), ...pipConfiguration() }).filter(([name]) => !own.test(name));
    return { ...Object.fromEntries(rest), npm_config_registry: npmRegistry(), ...out!.environment };
  }

  /** Why npm can't reach its registry from the empty machine; null when it can. */
  async function registryObstacleThere(): Promise<string | null> {
    const home = join(folder.path, 'trial');
    mkdirSync(home);
    const env = { ...emptyEnvironment(), HOME: home };
    const { code, stderr } = await shell(network!.host('empty'), ['npm view tar version --fetch-retries=0'], home, env).finished; // prettier-ignore
    return code === 0 ? null : (registryObstacle(stderr) ?? stderr);
  }
}
