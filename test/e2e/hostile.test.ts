import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWorkerMessage, encode } from '@convoy/protocol/codec';
import { PROTOCOL_VERSION, type Block, type Lease, type Ready, type Result } from '@convoy/protocol/messages';
import { closeCodes } from '@convoy/transport/connection';
import { Attacker, RawPeer, type GuardedPort } from '../support/attacker.ts';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { Recorder } from '../support/recorder.ts';
import { eventOf, eventsSoFar, medianStepMs, steps } from '../support/run-watch.ts';
import { HEAVY, HEAVY_PARAMETERS, Pace } from '../support/workloads.ts';

const folder = temporaryFolder();
const started: Convoy[] = [];
afterAll(() => {
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGKILL');
  folder.remove();
});

const MICRO_BATCH = 2;
/** There is a lease for everybody. */
const MICRO_BATCHES = 8;
const RUN = [
  ...[...HEAVY, '--deterministic', '--seed', '7', '--json', '--validation-split', '0'],
  ...['--batch-size', String(MICRO_BATCHES * MICRO_BATCH), '--micro-batch', String(MICRO_BATCH)],
];
/** An attack of half a minute is one of some hundred steps, which are done again to compare. */
const pace = new Pace(folder.path);
pace.slow();
const DEAD_AFTER_S = 5;
/** Steps under attack are not so many times as long as before, whatever else the machine does by then. */
const MUCH_SLOWER = 5;
/** The server may grow by this much while it is attacked: some parameter vectors, buffers and closing connections. */
const MAX_GROWTH_BYTES = 150e6;

const pathOf = (name: string) => join(folder.path, name);

function start(...args: string[]): Convoy {
  const program = new Convoy(args, pace.env);
  started.push(program);
  return program;
}

/**
 * A coordinator with two honest workers, one of which is overheard.
 * @param tokens the file with everybody's tokens, where the coordinator is to have tokens and TLS.
 */
async function trainUnderAttack(name: string, options: readonly string[], tokens?: string) {
  const run = pathOf(name);
  const guarded = tokens === undefined ? [] : ['--token-file', tokens, '--tls', 'self-signed'];
  const args = ['--port', '0', '--run-dir', run, '--checkpoint-every', '0', '--linger', '0', ...RUN, ...options];
  const coordinator = start('coordinator', ...args, ...guarded);
  const [, port, pin] = await coordinator.said(/worker --url \S+:(\d+)(?: --tls-fingerprint (\S+))?/);
  const pem = (file: string) => readFileSync(pathOf(join('convoy-tls', file)), 'utf8');
  const tls = pin === undefined ? undefined : { cert: pem('cert.pem'), key: pem('key.pem') };
  const recorder = await Recorder.before(Number(port), tls);
  const honestReady = recorder.next('ready');
  const honestResult = recorder.next('result');
  const presented = pin === undefined ? [] : ['--tls-fingerprint', pin, '--token-file', tokens!];
  const worker = (url = `${pin === undefined ? 'ws' : 'wss'}://127.0.0.1:${port}`) =>
    start('worker', ...HEAVY, '--url', url, '--threads', '1', ...presented);
  const workers = [worker(recorder.url), worker()];
  await Promise.all(workers.map((honest) => honest.said(/ready: rank/)));
  const claims = decodeWorkerMessage(await honestReady) as Ready;
  return { run, coordinator, port: Number(port), worker, workers, recorder, claims, honestResult };
}

type RunSummary = ReturnType<typeof summaryOf>;
type Training = Awaited<ReturnType<typeof trainUnderAttack>>;

/** Stops a run like an operator; everyone leaves in order. */
async function stop({ coordinator, workers }: Training): Promise<RunSummary> {
  coordinator.process.kill('SIGTERM');
  const { code, stdout } = await coordinator.finished;
  expect(code).toBe(143);
  for (const honest of workers) expect((await honest.finished).code).toBe(0);
  return JSON.parse(stdout) as RunSummary;
}

/** Compares with the same steps in one process. */
async function expectUndisturbed({ steps, parametersSha256, samplesApplied }: RunSummary): Promise<void> {
  const same = ['--steps', String(steps), '--run-dir', pathOf(`same-${steps}`)];
  const undisturbed = summaryOf(await convoy(['train', '--single', ...RUN, ...same]));
  expect({ parametersSha256, samplesApplied }).toEqual({
    parametersSha256: undisturbed.parametersSha256,
    samplesApplied: undisturbed.samplesApplied,
  });
}

const filled = (value: number) => new Uint8Array(new Float32Array(HEAVY_PARAMETERS).fill(value).buffer);
const repeated = (head: readonly number[], byte: number, count: number) =>
  Buffer.concat([Uint8Array.from(head), Buffer.alloc(count, byte)]);

const hello = {
  type: 'hello',
  protocolVersion: PROTOCOL_VERSION,
  workerId: 'attacker',
  name: 'attacker',
  engine: { name: 'none', version: '0', threads: 1 },
} as const;

/** A frame's head with a mask of zeros. */
const frameHead = (length: number) => {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
};

/** A result that nobody asked for: its size alone is too much before its type is known. */
const UNASKED = [closeCodes.unexpected, closeCodes.tooLarge];

describe('an attack by a stranger ends its own connection', () => {
  let training: Training;

  beforeAll(async () => {
    training = await trainUnderAttack('attacked', ['--steps', '100000']);
  });
  afterAll(() => training.recorder.close());

  /** What the attacker before did is over: two that computed the same nonsense would be believed until the sum is checked. */
  async function joinNextStep(): Promise<Attacker> {
    await steps(training.run, 2);
    const peer = new Attacker(training.port);
    await peer.join(training.claims);
    return peer;
  }

  it.each<[string, number | readonly number[], (peer: Attacker) => void | Promise<void>]>([
    ['random bytes for a message', closeCodes.malformed, (peer) => peer.sendBytes(Uint8Array.of(0xc1, 0xff, 0, 7))],
    ['a text frame', closeCodes.malformed, (peer) => peer.sendBytes('hello')],
    ['an empty message', closeCodes.malformed, (peer) => peer.sendBytes(new Uint8Array(0))],
    ['a message cut in half', closeCodes.malformed, (peer) => peer.sendBytes(encode(hello).subarray(0, 40))],
    [
      'a million empty maps',
      closeCodes.malformed,
      (peer) => peer.sendBytes(repeated([0xdd, 0, 0, 0xff, 0], 0x80, 60_000)),
    ],
    ['maps inside maps', closeCodes.malformed, (peer) => peer.sendBytes(repeated([], 0x91, 60_000))],
    ['an extension type', closeCodes.malformed, (peer) => peer.sendBytes(Uint8Array.of(0xd4, 0x72, 0x40, 0x90))],
    ['a field out of range', closeCodes.malformed, (peer) => peer.send({ ...hello, protocolVersion: -1 })],
    ['a name that a terminal obeys', closeCodes.malformed, (peer) => peer.send({ ...hello, name: '\x1b[2J' })],
    ['a message of the server', closeCodes.malformed, (peer) => peer.sendBytes(encode({ type: 'alive' }))],
    ['more bytes than a stranger may send', closeCodes.tooLarge, (peer) => peer.sendBytes(new Uint8Array(1_000_000))],
    ['a message larger than any', closeCodes.tooLarge, (peer) => peer.sendBytes(new Uint8Array(5_000_000))],
    ['another version of the protocol', closeCodes.rejected, (peer) => peer.hello({ protocolVersion: 999 })],
    ['too many threads', closeCodes.rejected, (peer) => peer.hello({ engine: { ...hello.engine, threads: 8 } })],
    ['ready before hello', closeCodes.unexpected, (peer) => peer.send(training.claims)],
    [
      'two hellos',
      closeCodes.unexpected,
      async (peer) => {
        await peer.hello();
        await peer.hello();
      },
    ],
    [
      'a result before it is ready',
      closeCodes.unexpected,
      (peer) =>
        peer.answer(
          { ...training.claims, type: 'lease', task: 0, step: 0, block: { start: 0, size: 1 } },
          MICRO_BATCH,
          {
            gradient: new Uint8Array(4),
          },
        ),
    ],
    ['another run', closeCodes.unexpected, (peer) => peer.join(training.claims, { run: 'another' })],
    ['another incarnation', closeCodes.unexpected, (peer) => peer.join(training.claims, { incarnation: 'another' })],
    ['another model', closeCodes.rejected, (peer) => peer.join(training.claims, { modelHash: 'b'.repeat(64) })],
    ['other data', closeCodes.rejected, (peer) => peer.join(training.claims, { dataFingerprint: 'b'.repeat(64) })],
    [
      'other arithmetic',
      closeCodes.rejected,
      (peer) => peer.join(training.claims, { numericsFingerprint: 'b'.repeat(64) }),
    ],
    [
      'ten thousand messages at once',
      closeCodes.flooding,
      async (peer) => {
        await peer.hello();
        for (let i = 0; i < 10_000; i++) peer.send({ type: 'heartbeat', rssBytes: 1, tensors: 1 });
      },
    ],
    [
      'ten thousand pings',
      // For what it sends, or, where it is too busy to read the answers, for what it leaves unread.
      [closeCodes.flooding, closeCodes.unread],
      (peer) => {
        for (let i = 0; i < 10_000; i++) peer.socket.ping();
      },
    ],
  ])('%s', async (_, code, attack) => {
    const peer = await new Attacker(training.port).open();
    const [ending] = await Promise.all([peer.ended, attack(peer)]);
    expect([code].flat()).toContain(ending.code);
  });

  it.each<[string, number, Partial<Result>]>([
    ['not a number', closeCodes.poisonous, { gradient: filled(NaN) }],
    ['infinite', closeCodes.poisonous, { gradient: filled(Infinity) }],
    ['1e30', closeCodes.poisonous, { gradient: filled(1e30) }],
    ['too short', closeCodes.malformed, { gradient: new Uint8Array(8) }],
    ['no whole number of floats', closeCodes.malformed, { gradient: new Uint8Array(4 * HEAVY_PARAMETERS - 1) }],
    ['over fewer samples', closeCodes.malformed, { samples: 1 }],
    ['with more correct than samples', closeCodes.malformed, { metricSum: 1_000 }],
    ['of another step', closeCodes.malformed, { step: 1_000 }],
  ])('a gradient that is %s', async (_, code, changes) => {
    const peer = await joinNextStep();
    expect((await peer.lie(MICRO_BATCH, () => changes)).code).toBe(code);
  });

  it.each<[string, (lease: Lease) => Partial<Result>]>([
    ['of another incarnation', () => ({ incarnation: 'before' })],
    ['of another run', () => ({ run: 'another' })],
    ['of a task that there never was', () => ({ task: 1e9 })],
    ['of another block', ({ block }) => ofBlock(anotherThan(block))],
  ])('a result %s, which is dropped, and then again', async (_, lieAbout) => {
    const peer = await joinNextStep();
    const lease = await peer.next('lease');
    const { code, dropped } = await peer.insist(() => peer.answer(lease, MICRO_BATCH, lieAbout(lease)));
    expect(UNASKED).toContain(code);
    expect(dropped).toBeGreaterThan(0);
  });

  const ofBlock = (block: Block) => ({ block, samples: block.size * MICRO_BATCH });
  /** The block beside it in the tree, or the first half of a block that is all of it. */
  const anotherThan = ({ start, size }: Block): Block =>
    size === MICRO_BATCHES ? { start: 0, size: size / 2 } : { start: start ^ size, size };

  it("an honest worker's result, replayed again and again", async () => {
    const peer = await joinNextStep();
    await peer.next('lease');
    const bytes = await training.honestResult;
    const { code, dropped } = await peer.insist(() => peer.sendBytes(bytes));
    expect(UNASKED).toContain(code);
    expect(dropped).toBeGreaterThan(0);
  });

  it('and the parameters are those of an undisturbed run', async () => {
    await steps(training.run, 10);
    const summary = await stop(training);
    const events = eventsOf(training.run);
    console.log(`${summary.steps} steps under attack`);
    expect(events.filter(({ type }) => type === 'step-skipped' || type === 'step-retried')).toEqual([]);
    await expectUndisturbed(summary);
  });
});

describe('while workers train', () => {
  let training: Training;
  beforeAll(async () => {
    training = await trainUnderAttack('flooded', ['--steps', '100000', '--dead-after', String(DEAD_AFTER_S)]);
    await steps(training.run, 20);
  });
  afterAll(() => training.recorder.close());

  /** What the connections of an attack of minutes do, at once. */
  const attacks: readonly (readonly [string, number | null, (port: number) => Promise<number>])[] = [
    ['a socket that says nothing', closeCodes.silent, (port) => codeOf(new Attacker(port))],
    [
      'a frame that is never whole',
      closeCodes.silent,
      async (port) => {
        const peer = new RawPeer(port).upgrade();
        peer.socket.write(Buffer.concat([frameHead(100), Buffer.alloc(10)]));
        return peer.closeFrame();
      },
    ],
    [
      'a hello of one byte a second',
      closeCodes.handshakeTimeout,
      async (port) => {
        const peer = new RawPeer(port).upgrade();
        peer.socket.write(frameHead(100));
        return dribble(peer, Buffer.alloc(1), 1_000).closeFrame();
      },
    ],
    ['a TCP connection without a request', 408, async (port) => new RawPeer(port).status()],
    [
      'a request of one byte a second',
      408,
      async (port) => {
        const peer = new RawPeer(port);
        peer.socket.write('GET / HTTP/1.1\r\nX-Slow: ');
        return dribble(peer, Buffer.from('x'), 1_000).status();
      },
    ],
    [
      'a worker that joins and says nothing any more',
      closeCodes.silent,
      async (port) => {
        const peer = new Attacker(port);
        await peer.join(training.claims);
        peer.fallSilent();
        return codeOf(peer);
      },
    ],
    [
      'a lease that is never answered',
      closeCodes.hung,
      async (port) => {
        const peer = new Attacker(port);
        await peer.join(training.claims);
        return codeOf(peer);
      },
    ],
    [
      'a result at 1 KB a second',
      closeCodes.hung,
      async (port) => {
        const peer = new Attacker(port);
        await peer.join(training.claims);
        const lease = await peer.next('lease');
        const raw = (peer.socket as unknown as { _socket: RawPeer['socket'] })._socket;
        const { run, incarnation, task, step, block } = lease;
        const work = { run, incarnation, task, step, block, samples: MICRO_BATCH * block.size };
        const result = encode({ type: 'result', ...work, lossSum: 1, metricSum: 1, computeMs: 1, gradient: filled(0) });
        raw.write(frameHead(result.byteLength));
        let sent = 0;
        const timer = setInterval(() => raw.write(result.subarray(sent, (sent += 100))), 100);
        void peer.ended.then(() => clearInterval(timer));
        return codeOf(peer);
      },
    ],
    [
      'a reader that stops reading',
      // It does not read its code either: the log has it.
      null,
      async (port) => {
        const peer = new Attacker(port);
        await peer.join(training.claims);
        peer.socket.pause();
        await Promise.race([
          eventOf(training.run, 'worker-left', ({ reason }) => reason.includes('no result for')),
          peer.ended,
        ]);
        peer.socket.resume();
        return codeOf(peer);
      },
    ],
  ];

  it('slow, silent and deaf peers and floods of connections end by themselves, and the others keep their pace', async () => {
    const { run, port } = training;
    const before = eventsSoFar(run);
    const endings = await Promise.all(
      attacks.map(async ([name, expected, attack]) => ({ name, expected, code: await attack(port) })),
    );
    for (const { name, expected, code } of endings) {
      if (expected !== null) expect([name, code]).toEqual([name, expected]);
    }
    // A crowd of strangers that say nothing: they make room for each other.
    const crowd = await Promise.all(Array.from({ length: 1_000 }, () => new Attacker(port).ended));
    const tally = new Map<number, number>();
    for (const { code } of crowd) tally.set(code, (tally.get(code) ?? 0) + 1);
    expect([...tally.keys()].sort()).toEqual([closeCodes.silent, closeCodes.full].sort());
    await steps(run, 10);

    const summary = await stop(training);
    const events = eventsOf(run);
    const stepMs = { before: medianStepMs(before), under: medianStepMs(events.slice(before.length)) };
    const rss = events.filter((event) => event.type === 'memory').map(({ serverRssBytes }) => serverRssBytes);
    console.log(
      `step ${stepMs.before} ms before, ${stepMs.under} ms under attack; server ${mb(rss[0]!)} to ${mb(Math.max(...rss))};`,
      Object.fromEntries(tally),
      `${summary.steps} steps`,
    );
    expect(Math.max(...rss) - rss[0]!).toBeLessThan(MAX_GROWTH_BYTES);
    expect(events.filter(({ type }) => type === 'connection-closed').length).toBeLessThan(200);
    expect(stepMs.under).toBeLessThan(MUCH_SLOWER * stepMs.before);
    await expectUndisturbed(summary);
  });
});

describe('a liar that comes back under new worker ids', () => {
  it('skips no step beside two honest workers, is told to wait, and the parameters are those of an undisturbed run', async () => {
    const training = await trainUnderAttack('liar', ['--steps', '100000']);
    const { run, port, claims, recorder } = training;
    // The honest workers have proved themselves.
    await steps(run, 5);
    const waits: number[] = [];
    for (let lie = 1; lie <= 4; lie++) {
      const liar = new Attacker(port);
      await liar.join(claims);
      // On a busy machine a short quarantine may be over when it joins.
      const first = await liar.next('quarantined', 'lease');
      if (first.type === 'quarantined') waits.push(first.forMs);
      else liar.answer(first, MICRO_BATCH, { gradient: filled(NaN) });
      expect((await liar.lie(MICRO_BATCH, () => ({ gradient: filled(NaN) }))).code).toBe(closeCodes.poisonous);
    }
    expect(waits.length).toBeGreaterThan(0);
    await steps(run, 5);
    const summary = await stop(training);
    recorder.close();
    const kinds = eventsOf(run).map(({ type }) => type);
    expect(kinds.filter((type) => type === 'worker-quarantined').length).toBeGreaterThanOrEqual(4);
    expect(kinds).not.toContain('step-skipped');
    await expectUndisturbed(summary);
  });
});

describe('a liar that holds a token of workers', () => {
  const LIES: readonly (readonly [what: string, Partial<Result>, code: number])[] = [
    ['a gradient that is not a number', { gradient: filled(NaN) }, closeCodes.poisonous],
    ['a gradient of another size', { gradient: new Uint8Array(8) }, closeCodes.malformed],
    ['a loss that float32 does not have', { lossSum: 1e308 }, closeCodes.malformed],
  ];

  /** Comes back under a new worker id whenever it is sent away, until it is let in no more. @returns how that was told. */
  async function keepLying(door: GuardedPort, claims: Ready): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const liar = await new Attacker(door).open();
      if (liar.failure !== null) return liar.failure;
      await liar.join(claims).catch(() => {});
      await liar.lie(MICRO_BATCH, () => LIES[attempt % LIES.length]![1]);
    }
  }

  it('changes nothing whatever it calls itself, and is out for good when its token leaves the file, while the others go on', async () => {
    const file = pathOf('tokens');
    expect((await convoy(['token', '--file', file])).code).toBe(0);
    const training = await trainUnderAttack('token-liar', ['--steps', '100000'], file);
    const { run, port, claims, recorder } = training;
    const stolen = { port, token: /^cw_\S+/m.exec(readFileSync(file, 'utf8'))![0] };
    // The honest workers have proved themselves.
    await steps(run, 5);
    for (const [what, lie, code] of LIES) {
      const liar = new Attacker(stolen);
      await liar.join(claims);
      expect([what, (await liar.lie(MICRO_BATCH, () => lie)).code]).toEqual([what, code]);
    }

    const lying = keepLying(stolen, claims);
    // The first time adds a token, the second takes away the one that was stolen.
    for (let turn = 1; turn <= 2; turn++)
      expect((await convoy(['token', 'rotate', 'worker', '--file', file])).code).toBe(0);
    expect(await lying).toMatch(/401/);
    // The honest ones read the new token from the file: those whose connection ends with the old one, and those who lost it before.
    await eventOf(run, 'step', ({ workers }) => workers === 2, eventsSoFar(run).length);
    await steps(run, 5);
    const summary = await stop(training);
    recorder.close();
    expect(eventsOf(run).map(({ type }) => type)).not.toContain('step-skipped');
    await expectUndisturbed(summary);
  });
});

async function codeOf(peer: Attacker): Promise<number> {
  return (await peer.ended).code;
}

/** Writes the same bytes again and again until the connection ends. */
function dribble(peer: RawPeer, bytes: Buffer, everyMs: number): RawPeer {
  const timer = setInterval(() => peer.socket.write(bytes), everyMs);
  void peer.ended.then(() => clearInterval(timer));
  return peer;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
