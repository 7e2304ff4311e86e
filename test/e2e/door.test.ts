import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectSecurely } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { exitCodes } from '@convoy/protocol/errors';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import type { RunStatus } from '@convoy/protocol/run-status';
import { newToken } from '@convoy/transport/tokens';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder, type Finished } from '../support/convoy.ts';
import { eventOf, eventsSoFar, medianStepMs, steps } from '../support/run-watch.ts';
import { HEAVY, Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
const started: Convoy[] = [];
const pathOf = (name: string) => join(folder.path, name);
const pace = new Pace(folder.path);
/** Whatever looks like a token: none may be seen anywhere. */
const ANY_TOKEN = /\bc[wov]_[\w-]{43}/;
/** Steps under attack are not so many times as long as before, whatever else the machine does by then. */
const MUCH_SLOWER = 5;
/** The server may grow by this much while it is attacked. */
const MAX_GROWTH_BYTES = 150e6;

let tokens: { readonly worker: string; readonly operator: string; readonly viewer: string };
let tokenFile: string;
beforeAll(async () => {
  mkdirSync(pathOf('secret'));
  tokenFile = join(pathOf('secret'), 'tokens');
  expect((await convoy(['token', '--file', tokenFile])).code).toBe(0);
  const [worker, operator, viewer] = readFileSync(tokenFile, 'utf8').match(/^c[wov]_\S+/gm)!;
  tokens = { worker: worker!, operator: operator!, viewer: viewer! };
});
afterAll(async () => {
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  folder.remove();
});

function start(args: readonly string[], token?: string): Convoy {
  const program = new Convoy(args, { ...pace.env, ...(token === undefined ? {} : { CONVOY_TOKEN: token }) });
  started.push(program);
  return program;
}

/** The command lines of what was started here and of all that it started: other tests beside this one have tokens of their own. */
function commandLines(): string {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8', maxBuffer: 64e6 });
  const processes = table.split('\n').map((line) => /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? []);
  const family = new Set(started.map(({ process }) => String(process.pid)));
  for (let before = 0; before < family.size;) {
    before = family.size;
    for (const [, pid, parent] of processes) if (family.has(parent!)) family.add(pid!);
  }
  return processes.flatMap(([, pid, , args]) => (family.has(pid!) ? [args!] : [])).join('\n');
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path).flatMap((name) => {
    const file = join(path, name);
    return statSync(file).isDirectory() ? filesBelow(file) : [file];
  });
}

function expectNoSecrets(run: string, ...said: readonly (Finished | string)[]): void {
  for (const text of said) expect(typeof text === 'string' ? text : text.stdout + text.stderr).not.toMatch(ANY_TOKEN);
  for (const file of filesBelow(run))
    expect([file, ANY_TOKEN.test(readFileSync(file, 'latin1'))]).toEqual([file, false]);
}

describe('a coordinator with tokens and TLS', () => {
  const RUN = [
    ...[...HEAVY, '--deterministic', '--seed', '7', '--json', '--validation-split', '0'],
    ...['--batch-size', '16', '--micro-batch', '2'],
  ];

  it('trains to unchanged parameters while strangers do what they can, and obeys its operator alone', async () => {
    const run = pathOf('attacked');
    pace.slow();
    const serving = ['--port', '0', '--run-dir', run, '--checkpoint-every', '0', '--linger', '0'];
    const coordinator = start([
      ...['coordinator', ...serving, '--token-file', tokenFile, '--tls', 'self-signed'],
      ...[...RUN, '--steps', '100000'],
    ]);
    const [, port, fingerprint] = await coordinator.said(/worker --url wss:\S+:(\d+) --tls-fingerprint (\S+)/);
    const url = `wss://127.0.0.1:${port}`;
    const pinned = ['--tls-fingerprint', fingerprint!];
    const working = ['worker', ...HEAVY, '--threads', '1', '--url', url];
    const workers = [0, 1].map(() => start([...working, ...pinned], tokens.worker));
    await Promise.all(workers.map((worker) => worker.said(/ready: rank/)));
    await steps(run, 20);
    const before = eventsSoFar(run);
    const seen = commandLines();

    const wrongPin = `sha256:${'0'.repeat(64)}`;
    const [refusals, statuses] = await Promise.all([
      Promise.all([
        start([...working, ...pinned]).finished,
        start([...working, '--tls-fingerprint', wrongPin], tokens.worker).finished,
        start(['stop', url, ...pinned], tokens.worker).finished,
        start(['drain', url, ...pinned, '--rank', '0'], tokens.viewer).finished,
        start(['status', url, ...pinned], newToken('viewer')).finished,
      ]),
      attack(Number(port)),
    ]);
    expect(refusals.map(({ code }) => code)).toEqual(Array(5).fill(exitCodes.rejected));
    // Refused strangers have used up what the address may fail: it is told so, or what it lacks.
    for (const status of statuses) expect([401, 429]).toContain(status);
    await steps(run, 10);

    const status = await start(['status', url, ...pinned, '--json'], tokens.viewer).finished;
    expect(status.code).toBe(0);
    const stands = JSON.parse(status.stdout) as RunStatus;
    expect(stands).toMatchObject({ state: 'training', waitingFor: null, totalSteps: 100_000 });
    expect(stands.workers.map(({ rank }) => rank)).toEqual([0, 1]);
    for (const { origin } of stands.workers) expect(origin).toMatch(/^127\.0\.0\.1 \(worker [0-9a-f]{8}\)$/);
    const shown = await start(['status', url, ...pinned], tokens.operator).finished;
    expect(shown.stdout).toMatch(/: training, step \d+ of 100000 · epoch/);

    const asking = ['--token-file', tokenFile, ...pinned];
    expect(summaryTexts(await convoy(['checkpoint', url, ...asking]))).toEqual([
      0,
      expect.stringContaining('writes a checkpoint'),
    ]);
    await eventOf(run, 'checkpoint-saved', ({ cause }) => cause === 'requested');
    expect((await convoy(['stop', url, ...asking])).code).toBe(0);
    const ended = await coordinator.finished;
    expect(ended.code).toBe(0);
    const left = await Promise.all(workers.map((worker) => worker.finished));
    expect(left.map(({ code }) => code)).toEqual([0, 0]);

    const events = eventsOf(run);
    const asked = events.flatMap((event) => (event.type === 'operator-request' ? [event] : []));
    expect(asked.map(({ request, refusal }) => [request, refusal])).toEqual([
      ['checkpoint', null],
      ['stop', null],
    ]);
    for (const { by } of asked) expect(by).toMatch(/^operator [0-9a-f]{8} at 127\.0\.0\.1:\d+$/);
    expectUntroubled(events, before.length);
    expectNoSecrets(run, seen, ended, status, shown, ...refusals, ...left);
    pace.full();
    const summary = JSON.parse(ended.stdout) as RunSummary;
    await expectUndisturbed(summary);
  });

  /** Compares with the same steps in one process. */
  async function expectUndisturbed({ steps: count, parametersSha256, samplesApplied }: RunSummary): Promise<void> {
    const same = ['--steps', String(count), '--run-dir', pathOf('undisturbed')];
    const undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, ...same]));
    expect({ parametersSha256, samplesApplied }).toEqual({
      parametersSha256: undisturbed.parametersSha256,
      samplesApplied: undisturbed.samplesApplied,
    });
  }
});

/** No worker left, nothing was refused to one, and steps took about as long as before. */
function expectUntroubled(events: readonly RunEvent[], attackedFrom: number): void {
  const troubles = ['step-skipped', 'step-retried', 'worker-left', 'worker-quarantined', 'worker-suspected'];
  expect(events.filter(({ type }) => troubles.includes(type))).toEqual([]);
  // A crowd is told in few lines.
  expect(events.filter(({ type }) => type === 'connection-closed').length).toBeLessThan(400);
  const [quiet, attacked] = [events.slice(0, attackedFrom), events.slice(attackedFrom)].map(medianStepMs);
  const rss = events.flatMap((event) => (event.type === 'memory' ? [event.serverRssBytes] : []));
  console.log(
    `step ${quiet} ms before, ${attacked} ms under attack; server ${rss[0]! / 1e6} to ${Math.max(...rss) / 1e6} MB`,
  );
  expect(attacked!).toBeLessThan(MUCH_SLOWER * quiet!);
  expect(Math.max(...rss) - rss[0]!).toBeLessThan(MAX_GROWTH_BYTES);
}

/**
 * A thousand sockets that say nothing, two hundred that say it slowly, plain text, and hundreds of wrong tokens, at once; all of
 * them are ended by the other side.
 * @returns how the wrong tokens were answered.
 */
async function attack(port: number): Promise<readonly number[]> {
  const ended = (socket: Socket) =>
    new Promise<void>((resolve) => {
      socket.on('error', () => {}).on('data', () => {});
      socket.on('close', () => resolve());
    });
  const secure = () => connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const silent = Array.from({ length: 1_000 }, () => ended(connect(port, '127.0.0.1')));
  const slow = Array.from({ length: 200 }, (_, i) => {
    const socket = i % 2 === 0 ? secure() : connect(port, '127.0.0.1');
    socket.write(i % 2 === 0 ? 'GET / HTTP/1.1\r\nX-Slow: ' : Uint8Array.of(22, 3, 1));
    const dribble = setInterval(() => socket.write('x'), 1_000);
    return ended(socket).then(() => clearInterval(dribble));
  });
  const plain = connect(port, '127.0.0.1');
  const plainEnded = ended(plain);
  plain.write('GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n');
  const statuses: number[] = [];
  for (let round = 0; round < 10; round++) {
    const answers = Array.from({ length: 30 }, () => upgradeStatus(port, newToken('worker')));
    statuses.push(...(await Promise.all(answers)));
  }
  await Promise.all([...silent, ...slow, plainEnded]);
  return statuses;
}

function upgradeStatus(port: number, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`wss://127.0.0.1:${port}`, { headers, rejectUnauthorized: false });
  return new Promise((resolve) => {
    // A connection that made room for another is tried no more: it was not let in either.
    socket.on('error', () => resolve(429));
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (request, response) => {
      resolve(response.statusCode!);
      request.destroy();
    });
  });
}

const summaryTexts = ({ code, stdout }: Finished) => [code, stdout];

describe('a training on this machine', () => {
  it('lets in the workers that it started and nobody else; with tokens, operators reach it too', async () => {
    const run = pathOf('local');
    pace.slow();
    const args = [...PACED_SHAPES, '--deterministic', '--steps', '40', '--seed', '7', '--json', '--run-dir', run];
    const training = start(['train', '--workers', '2', '--token-file', tokenFile, ...args]);
    const [, url] = await training.said(/for operators and viewers: (\S+)/);
    await Promise.all([training.said(/worker 0 joined/), training.said(/worker 1 joined/)]);
    const seen = commandLines();
    expect(seen).toMatch(/worker --notes-only/);
    const stranger = new WebSocket(url!.replace('http', 'ws')).on('error', () => {});
    const status = await new Promise((resolve) =>
      stranger.on('unexpected-response', (request, { statusCode }) => {
        resolve(statusCode);
        request.destroy();
      }),
    );
    expect(status).toBe(401);
    const drained = await start(['drain', url!, '--rank', '1'], tokens.operator).finished;
    expect([drained.code, drained.stdout]).toEqual([0, `worker 1 of ${url} finishes what it holds and leaves\n`]);
    await training.said(/worker 1 left/);
    const nobody = await start(['drain', url!, '--rank', '9'], tokens.operator).finished;
    expect([nobody.code, nobody.stderr]).toEqual([
      exitCodes.usage,
      expect.stringContaining('no worker of rank 9 is connected'),
    ]);
    pace.full();
    const ended = await training.finished;
    expect(ended.code).toBe(0);
    expectNoSecrets(run, seen, ended, drained, nobody);
  });
});

it('a coordinator that others could reach is not opened without tokens and TLS, and says which commands open it', async () => {
  const refused = await convoy(['coordinator', '--host', '0.0.0.0', '--port', '0', ...PACED_SHAPES]);
  expect(refused.code).toBe(exitCodes.usage);
  expect(refused.stderr).toContain('listening on 0.0.0.0 without tokens and TLS would let others');
  expect(refused.stderr).toMatch(
    / token --file convoy-tokens\n.* coordinator --host 0\.0\.0\.0 .*--token-file convoy-tokens --tls self-signed\n/,
  );
});
