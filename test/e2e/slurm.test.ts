import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '@convoy/cli/chaos/free-port';
import type { RunSummary } from '@convoy/protocol/run-events';
import { convoy, eventsOf, PROGRAM, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar } from '../support/run-watch.ts';
import { Slurm, slurmObstacle } from '../support/slurm.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const obstacle = slurmObstacle();
if (obstacle !== null) it('Slurm', () => console.info(`NOT CHECKED: infra/slurm on a real Slurm: ${obstacle}`));
else describe('infra/slurm, on a Slurm of one node', onSlurm);

function onSlurm(): void {
  const folder = temporaryFolder();
  afterAll(folder.remove);
  const pace = new Pace(folder.path);

  it('a preempted worker leaves at once and comes back, a requeued coordinator continues, and the parameters are those of one process', async () => {
    const SETTINGS = [...PACED_SHAPES, '--deterministic', '--steps', '40', '--seed', '7'];
    const alone = summaryOf(
      await convoy(['train', '--single', ...SETTINGS, '--json', '--run-dir', join(folder.path, 'alone')], pace.env),
    );
    pace.slow(100);
    const shared = join(folder.path, 'shared');
    const run = join(shared, 'run');
    const env = {
      ...pace.env,
      CONVOY: `${process.execPath} ${PROGRAM}`,
      CONVOY_DIR: shared,
      CONVOY_PORT: String(await freePort()),
    };
    // The coordinator, two workers, and no processor for another job.
    const slurm = await Slurm.start(folder.path, { cpus: 3 });
    onTestFinished(() => slurm.stop());
    const coordinator = slurm.submit('coordinator.sbatch', ['--partition=high'], SETTINGS, env);
    const workers = slurm.submit('worker.sbatch', ['--array=0-1', '--partition=low'], PACED_SHAPES, env);
    const ids = new Set<string>();
    await eventOf(run, 'worker-joined', ({ workerId }) => ids.add(workerId).size === 2);

    const urgent = slurm.submitCommand('true', ['--partition=high']);
    const left = await eventOf(run, 'worker-left');
    expect(left.reason).toBe('asked to leave');
    // It did not use its 120 seconds of grace: the processor is free when the worker has left.
    expect(await slurm.ended(urgent)).toMatchObject({ JobState: 'COMPLETED' });
    await eventOf(run, 'worker-joined', ({ workerId }) => !ids.has(workerId));

    const soFar = eventsSoFar(run).length;
    slurm.requeue(coordinator);
    await eventOf(run, 'worker-joined', () => true, soFar);
    pace.full();
    expect(await slurm.ended(coordinator)).toMatchObject({ JobState: 'COMPLETED', Restarts: '1' });
    const summary = JSON.parse(readFileSync(join(shared, 'result.json'), 'utf8')) as RunSummary;
    const { parametersSha256, samplesApplied } = alone;
    expect(summary).toMatchObject({ parametersSha256, samplesApplied });
    const tasks = await Promise.all([`${workers}_0`, `${workers}_1`].map((task) => slurm.ended(task)));
    expect(
      tasks.map(({ JobState }) => JobState),
      slurm.said(),
    ).toEqual(['COMPLETED', 'COMPLETED']);
    // Once for its preemption, and once with the coordinator.
    expect(Math.max(...tasks.map(({ Restarts }) => Number(Restarts)))).toBeGreaterThan(0);
    expect(eventsOf(run).at(-1)).toMatchObject({ type: 'run-ended', outcome: 'completed' });

    // A worker still looks for its coordinator when the run is over.
    rmSync(join(shared, 'over'));
    const late = slurm.submit('worker.sbatch', ['--array=2', '--partition=low'], PACED_SHAPES, env);
    await slurm.hasSaid(`convoy-worker-${late}-2.log`, 'waiting for a coordinator');
    writeFileSync(join(shared, 'over'), '0\n');
    expect(await slurm.ended(`${late}_2`), slurm.said()).toMatchObject({ JobState: 'COMPLETED', Restarts: '0' });
    await slurm.hasSaid(`convoy-worker-${late}-2.log`, 'done: asked to leave');
  });
}
