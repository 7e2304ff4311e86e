import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchCommand } from '@convoy/cli/commands/launch';
import { freePort } from '@convoy/cli/chaos/free-port';
import { exitCodes } from '@convoy/protocol/errors';
import { Convoy, convoy, PROGRAM, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SshHosts, sshObstacle } from '../support/ssh-hosts.ts';
import { Pace, WIDE } from '../support/workloads.ts';
import { eventsSoFar } from '../support/run-watch.ts';

const obstacle = sshObstacle();
if (obstacle !== null) it('convoy launch', () => console.info(`NOT CHECKED: convoy launch over ssh: ${obstacle}`));
else describe('convoy launch', launchOverSsh);

function launchOverSsh(): void {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  const pathOf = (name: string) => join(folder.path, name);
  const pace = new Pace(folder.path);
  afterEach(() => pace.full());

  const RUN = [...WIDE, '--deterministic', '--seed', '7', '--steps', '40', '--validation-split', '0', '--json'];
  const COMMAND = ['--command', `${process.execPath} ${PROGRAM} worker`];

  const started: Convoy[] = [];
  afterAll(() => {
    for (const { process } of started) if (process.exitCode === null && process.signalCode === null) process.kill();
  });
  function start(args: readonly string[], cwd?: string): Convoy {
    const program = new Convoy(args, pace.env, cwd);
    started.push(program);
    return program;
  }

  let hosts: SshHosts;
  beforeAll(async () => {
    hosts = await SshHosts.start(pathOf('ssh'), 3, pace.env);
    return () => hosts.stop();
  });

  function hostsFile(name: string, lines: readonly string[]): readonly string[] {
    writeFileSync(pathOf(name), `${lines.join('\n')}\n`);
    return ['--hosts', pathOf(name), ...hosts.options.flatMap((option) => ['--ssh-option', option])];
  }

  it('trains on three hosts to the parameters of one process, and starts a worker again that was killed', async () => {
    const undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, '--run-dir', pathOf('single')]));
    const run = pathOf('launched');
    const [a, b, c] = hosts.ports;
    const file = hostsFile('hosts.txt', ['# three machines', '', `127.0.0.1 port=${a}`, `127.0.0.1 port=${b} dir=/`, `127.0.0.1 port=${c}`]); // prettier-ignore
    pace.slow();
    await convoy(['token', '--file', pathOf('tokens')]);
    const secrets = ['--token-file', pathOf('tokens'), '--tls', 'self-signed', '--tls-dir', pathOf('tls')];
    const where = ['--port', '0', '--run-dir', run, ...secrets];
    // The workload that the hosts have themselves, and not the coordinator's.
    const launch = start(['launch', ...file, ...COMMAND, ...where, ...RUN, '--', ...WIDE]);
    const ready = hosts.ports.map((port) => launch.said(new RegExp(`^127.0.0.1-${port}: worker (\\d+): ready`)));
    const pids = await Promise.all(ready);
    process.kill(Number(pids[1]![1]), 'SIGKILL');
    await launch.said(new RegExp(`127.0.0.1-${b}: ended \\(exit code 137\\).*; next try in 1 s`));
    await launch.said(/^worker 3 joined/);
    const tokens = readFileSync(pathOf('tokens'), 'utf8').match(/^c[wov]_\S+/gm)!;
    expect(tokens).toHaveLength(3);
    expect(tokens.filter((token) => argumentsOfAll().includes(token))).toEqual([]);
    pace.full();
    expect(summaryOf(await launch.finished).parametersSha256).toBe(undisturbed.parametersSha256);
    const log = readFileSync(join(run, 'logs', `127.0.0.1-${b}.1.log`), 'utf8');
    expect(log.match(/ worker \d+: ready: rank/g)).toHaveLength(2);
    expect(log).toMatch(/ worker \d+: done: /);
    for (const path of readdirSync(run, { recursive: true, encoding: 'utf8' })) {
      const file = join(run, path);
      const text = statSync(file).isFile() ? readFileSync(file, 'latin1') : '';
      expect([path, tokens.filter((token) => text.includes(token))]).toEqual([path, []]);
    }
  });

  it('says of each host in words what is wrong with it, goes on with the others, and on SIGTERM has them leave', async () => {
    const run = pathOf('apart');
    const [a, b, c] = hosts.ports;
    const closed = await freePort();
    const file = hostsFile('faulty.txt', [
      `127.0.0.1 port=${a} workers=2`,
      `no-such-user@127.0.0.1 port=${b}`,
      `localhost port=${c}`,
      `127.0.0.1 port=${c} dir=/no/such`,
      `127.0.0.1 port=${closed}`,
      'no-such-host.invalid',
    ]);
    pace.slow();
    const coordinator = start(['coordinator', '--port', '0', '--run-dir', run, '--linger', '0', ...RUN]);
    const [, url] = await coordinator.said(/worker --url (\S+)/);
    const logs = ['--logs', pathOf('logs')];
    const launch = start(['launch', ...file, ...COMMAND, ...logs, '--url', url!, '--', ...WIDE, '--threads', '1']);
    await Promise.all(
      [
        /^127\.0\.0\.1-\d+ \(1\): worker \d+: ready: rank/,
        /^127\.0\.0\.1-\d+ \(2\): worker \d+: ready: rank/,
        new RegExp(
          `^! 127.0.0.1-${b}: the host takes no key that this user has: see what .ssh -p ${b} no-such-user@127.0.0.1. says.*; it is not tried again`,
        ),
        new RegExp(
          `^! localhost-${c}: the host's key is not known yet: connect once by .ssh -p ${c} localhost. and confirm it; it is not tried again`,
        ),
        new RegExp(`^! 127.0.0.1-${c}: there is no folder /no/such on the host: correct dir=; it is not tried again`),
        new RegExp(
          `^! 127.0.0.1-${closed}: the host is there, and no ssh server listens on that port; next try in 1 s`,
        ),
        /^! no-such-host\.invalid: no address is known for this name; next try in 1 s/,
      ].map((line) => launch.said(line)),
    );
    launch.process.kill('SIGTERM');
    expect((await launch.finished).code).toBe(143);
    for (const n of [1, 2]) {
      expect(readFileSync(join(pathOf('logs'), `127.0.0.1-${a}.${n}.log`), 'utf8')).toMatch(
        /worker \d+: done: asked to leave\n/,
      );
    }
    const reasons = eventsSoFar(run).flatMap((event) => (event.type === 'worker-left' ? [event.reason] : []));
    expect(reasons).toEqual(['asked to leave', 'asked to leave']);

    const without = ['--command', 'no-such-command worker', ...logs, '--url', url!];
    const lost = await convoy(['launch', ...hostsFile('one.txt', [`127.0.0.1 port=${a}`]), ...without]);
    expect(lost.code).toBe(exitCodes.network);
    expect(lost.stderr.trim().split('\n').at(-1)).toBe(
      `! 127.0.0.1-${a}: the host's shell does not find "no-such-command": install Node.js there, or say where it is with --command; it is not tried again`,
    );
    coordinator.process.kill('SIGTERM');
    await coordinator.finished;
  });

  it('runs a command of docs/several-machines.md, and understands all of them', async () => {
    const page = readFileSync(new URL('../../docs/several-machines.md', import.meta.url), 'utf8');
    const commands = [...page.matchAll(/^npx convoy (launch .*)$/gm)].map(([, words]) => words!);
    expect(commands).toHaveLength(6);
    for (const words of commands) {
      const given = words.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''));
      const command = launchCommand()
        .exitOverride()
        .action(() => {});
      await command.parseAsync(given.slice(1), { from: 'user' });
    }
    const example = commands.find((words) => words.includes('digits.ts'))!.split(' ');
    const settings = example.slice(example.indexOf('--workload'));
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const single = start(['train', '--single', ...settings, '--json', '--run-dir', pathOf('digits')], root);
    const undisturbed = summaryOf(await single.finished);
    const lines = hosts.ports.slice(0, 2).map((port) => `127.0.0.1 port=${port} dir=${root}`);
    const where = [...hostsFile('docs.txt', lines), ...COMMAND, '--port', '0', '--run-dir', pathOf('docs'), '--json'];
    const launched = start(['launch', ...where, ...settings], root);
    expect(summaryOf(await launched.finished).parametersSha256).toBe(undisturbed.parametersSha256);
  });
}

/** What everybody on this machine can see of its processes. */
function argumentsOfAll(): string {
  if (process.platform !== 'linux') return execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' });
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(argumentsOf).join('\n');
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has just ended.
    return '';
  }
}
