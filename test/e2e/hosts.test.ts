import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '@convoy/protocol/run-events';
import { Convoy, convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { Network, networkObstacle, type Host } from '../support/network.ts';
import { eventOf, eventsSoFar } from '../support/run-watch.ts';
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

  let network: Network;
  beforeAll(() => {
    network = new Network(['server', 'a', 'b', 'c']);
    return () => network.remove();
  });

  const started: Convoy[] = [];
  afterAll(() => {
    for (const program of started) {
      if (program.process.exitCode === null && program.process.signalCode === null) program.process.kill('SIGKILL');
    }
  });

  function start(host: Host, ...args: readonly string[]): Convoy {
    const program = new Convoy(args, pace.env, undefined, host.through);
    started.push(program);
    return program;
  }

  let undisturbed: RunSummary;
  beforeAll(async () => {
    undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, '--run-dir', pathOf('undisturbed')]));
  });

  function expectUndisturbed(summary: RunSummary): void {
    const { parametersSha256, steps, samplesApplied, testLoss, testAccuracy } = undisturbed;
    expect(summary).toMatchObject({ parametersSha256, steps, samplesApplied, testLoss, testAccuracy });
  }

  it('come to the same parameters when links are cut for longer than dead: both ways, one way, and the other', async () => {
    const run = pathOf('cut');
    const server = network.host('server');
    const [a, b, c] = [network.host('a'), network.host('b'), network.host('c')];
    pace.slow();
    const coordinator = start(
      server,
      ...['coordinator', '--host', '0.0.0.0', '--port', PORT, '--run-dir', run, '--dead-after', '3', ...RUN],
    );
    await coordinator.said(/listening on/);
    const workers = [a, b, c].map((host) =>
      start(host, 'worker', ...WIDE, '--url', `ws://${server.ipv4}:${PORT}`, '--threads', '1'),
    );
    for (const worker of workers) await worker.said(/ready: rank/);
    for (const [host, disturb] of [
      [a, () => a.cut()],
      [b, () => b.deafen()],
      [c, () => c.mute()],
    ] as const) {
      const before = eventsSoFar(run).length;
      disturb();
      const left = await eventOf(run, 'worker-left', undefined, before);
      expect(left.reason).toMatch(/nothing heard for 3/);
      host.heal();
      await eventOf(run, 'worker-joined', ({ workerId }) => workerId === left.workerId, before);
    }
    pace.full();
    expectUndisturbed(summaryOf(await coordinator.finished));
    for (const worker of workers) expect((await worker.finished).code).toBe(0);
  });
}
