import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Convoy, convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar, expectSameResult, serverPid, steps } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
const pace = new Pace(folder.path);
const started: Convoy[] = [];
afterAll(async () => {
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  folder.remove();
});

function start(args: readonly string[]): Convoy {
  const program = new Convoy(args, pace.env);
  started.push(program);
  return program;
}

const TRAINING = [...PACED_SHAPES, '--deterministic', '--seed', '7', '--steps', '28', '--json'];
const pathOf = (name: string) => join(folder.path, name);

/** The same training, with nobody to disturb it. */
async function undisturbed() {
  return summaryOf(await start(['train', '--single', ...TRAINING, '--run-dir', pathOf('undisturbed')]).finished);
}

it('a paused run does nothing until it is told to go on, and one that is killed in a pause is resumed from it', async () => {
  const reference = await undisturbed();
  pace.slow();
  const run = pathOf('paused');
  const first = start(['coordinator', '--port', '0', '--linger', '0', ...TRAINING, '--run-dir', run]);
  const [, url] = await first.said(/^listening on (ws:[^;]+)/);
  for (let n = 0; n < 2; n++) start(['worker', '--url', url!, '--threads', '1', ...PACED_SHAPES]);
  await steps(run, 3);
  const pause = await convoy(['pause', run]);
  expect(pause.stdout).toBe(
    `${run} pauses after the step that it is computing, with a checkpoint; go on with: convoy unpause ${run}\n`,
  );
  const { step } = await eventOf(run, 'paused');
  await eventOf(run, 'checkpoint-saved', (saved) => saved.step === step);
  const again = await convoy(['pause', run]);
  expect([again.code, again.stderr]).toEqual([2, 'convoy: it is paused already']);
  // Between asking twice and this, workers would have done a step.
  expect((await convoy(['unpause', run])).code).toBe(0);
  await eventOf(run, 'step', (each) => each.step === step + 2);
  const kinds = eventsSoFar(run).map(({ type }) => type);
  const between = kinds.slice(kinds.indexOf('paused') + 1, kinds.lastIndexOf('resumed'));
  expect(between.filter((type) => type !== 'memory')).toEqual([
    'checkpoint-saved',
    'operator-request',
    'operator-request',
  ]);

  const before = kinds.length;
  expect((await convoy(['pause', run])).code).toBe(0);
  const { step: second } = await eventOf(run, 'paused', () => true, before);
  await eventOf(run, 'checkpoint-saved', (saved) => saved.step === second, before);
  process.kill(serverPid(run), 'SIGKILL');
  pace.full();
  const summary = summaryOf(await convoy(['resume', run, '--single', '--json', ...PACED_SHAPES]));
  expect(eventsSoFar(run)).toContainEqual(expect.objectContaining({ type: 'run-resumed', step: second }));
  expectSameResult(summary, reference);
});
