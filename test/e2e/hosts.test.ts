import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RunSummary } from '@convoy/protocol/run-events';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { Network, networkObstacle, type Host } from '../support/network.ts';
import { nginxObstacle, reverseProxy } from '../support/nginx.ts';
import { eventOf, eventsSoFar, expectSameResult, serverPid } from '../support/run-watch.ts';
import { Pace, WIDE } from '../support/workloads.ts';

const obstacle = networkObstacle();
if (obstacle !== null) {
  it('several hosts', () => console.info(`NOT CHECKED: several hosts with addresses of their own: ${obstacle}`));
} else describe('several hosts', onSeveralHosts);

function onSeveralHosts(): void {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  const pathOf = (name: string) => join(folder.path, name);
  const pace = new Pace(folder.path);
  afterEach(() => pace.full());

  const RUN = [...WIDE, '--deterministic', '--seed', '7', '--steps', '40', '--validation-split', '0', '--json'];
  const PORT = '7311';

  /** Hosts of one test alone. */
  function hostsNamed<const Names extends readonly string[]>(...names: Names): { readonly [N in keyof Names]: Host } {
    const network = new Network(names);
    onTestFinished(() => network.remove());
    return names.map((name) => network.host(name)) as never;
  }

  const started: Convoy[] = [];
  afterAll(() => {
    for (const program of started) {
      if (program.process.exitCode === null && program.process.signalCode === null) program.process.kill('SIGKILL');
    }
  });

  function start(host: Host, env: Readonly<Record<string, string>>, ...args: readonly string[]): Convoy {
    const program = new Convoy(args, { ...pace.env, ...env }, undefined, host.through);
    started.push(program);
    return program;
  }

  let undisturbed: RunSummary;
  beforeAll(async () => {
    undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, '--run-dir', pathOf('undisturbed')]));
  });

  const expectUndisturbed = (summary: RunSummary) => expectSameResult(summary, undisturbed);

  /** A coordinator of the common run, which listens at once. */
  async function coordinate(host: Host, ...options: readonly string[]): Promise<Convoy> {
    const where = ['--host', '::', '--port', PORT, '--dead-after', '3'];
    const coordinator = start(host, {}, 'coordinator', ...where, ...options);
    await coordinator.said(/listening on/);
    return coordinator;
  }

  function work(
    host: Host,
    url: string,
    env: Readonly<Record<string, string>> = {},
    ...more: readonly string[]
  ): Convoy {
    return start(host, env, 'worker', ...WIDE, '--url', url, '--threads', '1', ...more);
  }

  /** The process that computes, and what the run calls it. */
  async function joined(run: string, worker: Convoy): Promise<{ readonly pid: number; readonly workerId: string }> {
    const [, pid] = await worker.said(/^worker (\d+): ready: rank/);
    const { workerId } = await eventOf(run, 'worker-joined', ({ name }) => name.endsWith(`:${pid}`));
    return { pid: Number(pid), workerId };
  }

  it('come to the same parameters when links are cut for longer than dead, both ways, one way and the other', async () => {
    const run = pathOf('cut');
    const [server, a, b, c] = hostsNamed('server', 'a', 'b', 'c');
    const hosts = [a, b, c];
    pace.slow(40);
    const coordinator = await coordinate(server, '--insecure', '--run-dir', run, ...RUN);
    const url = `ws://${server.ipv4}:${PORT}`;
    const workers = hosts.map((host) => work(host, url));
    const members = await Promise.all(workers.map((worker) => joined(run, worker)));
    let before = eventsSoFar(run).length;
    const left = ({ workerId }: { workerId: string }) => eventOf(run, 'worker-left', (e) => e.workerId === workerId, before); // prettier-ignore
    const back = ({ workerId }: { workerId: string }) => eventOf(run, 'worker-joined', (e) => e.workerId === workerId, before); // prettier-ignore

    a.cut();
    b.deafen();
    c.mute();
    for (const { reason } of await Promise.all(members.map(left))) expect(reason).toBe('nothing heard for 3 s');
    for (const host of hosts) host.heal();
    await Promise.all(members.map(back));

    // Connections that neither side ends: an address that is gone, and a machine that loses its power.
    before = eventsSoFar(run).length;
    a.move('10.0.0.77');
    c.cut();
    process.kill(members[2]!.pid, 'SIGKILL');
    await Promise.all([left(members[0]!), back(members[0]!), left(members[2]!)]);
    c.heal();
    const another = work(c, url);
    await joined(run, another);

    pace.full();
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const worker of [workers[0]!, workers[1]!, another]) expect((await worker.finished).code).toBe(0);
  });

  /** A worker that reaches the coordinator through nginx: TLS, a path, and connections that end when they are idle for two seconds. */
  function workByProxy(host: Host, proxy: Host, server: Host): Convoy {
    const to = `http://${server.ipv4}:${PORT}/`;
    const { certificate, stop } = reverseProxy(proxy, pathOf('nginx'), { name: 'proxy.test', path: '/train/', to, idleSeconds: 2 }); // prettier-ignore
    onTestFinished(stop);
    host.file('hosts', `127.0.0.1 localhost\n${proxy.ipv4} proxy.test\n`);
    return work(host, 'wss://proxy.test/train/', {}, '--tls-ca', certificate);
  }

  it('come to the same parameters by other ways: IPv6 alone, a late name whose first address is dead on a slow link, and a proxy', async () => {
    const run = pathOf('ways');
    const [server, proxy, a, b, c] = hostsNamed('server', 'proxy', 'a', 'b', 'c');
    a.leaveIpv4();
    b.file('resolv.conf', 'nameserver 127.0.0.1\n');
    b.file('hosts', '127.0.0.1 localhost\n');
    b.slow('4mbit');
    const late = work(b, `ws://coordinator.test:${PORT}`);
    await late.said(/waiting for a coordinator at ws:\/\/coordinator.test/);
    const without = nginxObstacle();
    if (without !== null) console.info(`NOT CHECKED: a worker behind a reverse proxy: ${without}`);
    const proxied = without === null ? workByProxy(c, proxy, server) : null;
    const minWorkers = proxied === null ? '2' : '3';
    const coordinator = await coordinate(server, '--insecure', '--run-dir', run, '--min-workers', minWorkers, ...RUN);
    const alone = work(a, `ws://[${server.ipv6}]:${PORT}`);
    b.file('hosts', `127.0.0.1 localhost\n10.0.0.99 coordinator.test\n${server.ipv6} coordinator.test\n`);
    const workers = [alone, late, ...(proxied === null ? [] : [proxied])];
    for (const worker of workers) await joined(run, worker);
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const worker of workers) expect((await worker.finished).code).toBe(0);
    const gone = eventsOf(run).filter(({ type }) => type === 'worker-left' || type === 'connection-closed');
    expect(gone).toEqual([]);
  });

  it('come to the same parameters when the coordinator loses its machine and goes on from a copy of its folder on another', async () => {
    const [server, spare, ...hosts] = hostsNamed('server', 'spare', 'a', 'b', 'c');
    const name = (address: string) => {
      for (const host of hosts) host.file('hosts', `127.0.0.1 localhost\n${address} coordinator.test\n`);
    };
    name(server.ipv4);
    pace.slow();
    await convoy(['token', '--file', pathOf('tokens')]);
    const guard = ['--token-file', pathOf('tokens'), '--tls', 'self-signed', '--tls-dir', pathOf('tls')];
    const token = /^cw_\S+/m.exec(readFileSync(pathOf('tokens'), 'utf8'))![0];
    const every = ['--checkpoint-every', '2', ...guard];
    const first = await coordinate(server, '--run-dir', pathOf('here'), ...every, ...RUN);
    const [, fingerprint] = await first.said(/--tls-fingerprint (\S+)/);
    const workers = hosts.map((host) =>
      work(host, `wss://coordinator.test:${PORT}`, { CONVOY_TOKEN: token }, '--tls-fingerprint', fingerprint!),
    );
    await eventOf(pathOf('here'), 'step', ({ step }) => step >= 8);
    server.cut();
    process.kill(serverPid(pathOf('here')), 'SIGKILL');
    await first.finished;
    cpSync(pathOf('here'), pathOf('there'), { recursive: true });
    spare.leaveIpv4();
    name(spare.ipv6);
    const second = await coordinate(spare, '--resume', pathOf('there'), ...WIDE, ...every, '--json');
    await second.said(/goes on after step/);
    await second.said(new RegExp(`listening on wss://\\[${spare.ipv6}\\]:${PORT}`));
    pace.full();
    expectUndisturbed(summaryOf(await second.finished));
    for (const worker of workers) expect((await worker.finished).code).toBe(0);
  });
}
