import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Convoy, convoy, PROGRAM, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SshHosts, sshObstacle } from '../support/ssh-hosts.ts';
import { Pace, WIDE } from '../support/workloads.ts';
import { eventOf } from '../support/run-watch.ts';

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
    const launch = new Convoy(['launch', ...file, ...COMMAND, '--port', '0', '--run-dir', run, ...RUN], pace.env);
    const ready = hosts.ports.map((port) => launch.said(new RegExp(`^127.0.0.1-${port}: worker (\\d+): ready`)));
    const pids = await Promise.all(ready);
    process.kill(Number(pids[1]![1]), 'SIGKILL');
    await launch.said(new RegExp(`127.0.0.1-${b}: ended \\(exit code 137\\).*; next try in 1 s`));
    const joined = new Set<string>();
    await eventOf(run, 'worker-joined', ({ workerId }) => joined.add(workerId).size === 4);
    pace.full();
    expect(summaryOf(await launch.finished).parametersSha256).toBe(undisturbed.parametersSha256);
    const log = readFileSync(join(run, 'logs', `127.0.0.1-${b}.1.log`), 'utf8');
    expect(log.match(/ worker \d+: ready: rank/g)).toHaveLength(2);
    expect(log).toMatch(/ worker \d+: done: /);
  });
}
