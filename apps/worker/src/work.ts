import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import {
  PROTOCOL_VERSION,
  type EvaluationLease,
  type Lease,
  type ServerMessage,
  type Shutdown,
  type Welcome,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import { float32Bytes } from '@convoy/protocol/tensor';
import { closeCodes, type Codec, type Connection } from '@convoy/transport/connection';
import { DEFAULT_BACKOFF, fullJitter } from '@convoy/transport/dial';
import type { Compute, ComputeOptions, EngineFacts, Prepared } from './compute/compute.ts';

export type ServerConnection = Connection<ServerMessage, WorkerMessage>;

export const workerCodec: Codec<ServerMessage, WorkerMessage> = { encode, decode: decodeServerMessage };

export interface WorkOptions {
  readonly compute: Compute;
  readonly computeOptions: ComputeOptions;
  /** Makes a connection, however long it takes; rejects when the signal aborts. */
  readonly connect: (signal: AbortSignal) => Promise<ServerConnection>;
  /** Aborted when the worker shall finish what it holds, say bye and return. */
  readonly drain: AbortSignal;
  readonly log: (line: string) => void;
}

export interface WorkEnd {
  readonly completed: boolean;
  readonly reason: string;
}

/**
 * A worker's life: connects, prepares what the server names, computes its leases, and connects again when the connection
 * is lost, until the run is over or it is told to drain.
 * @throws OperatorError when the server refuses this worker, or the engine or the data can't be had.
 */
export async function work(options: WorkOptions): Promise<WorkEnd> {
  const { compute, computeOptions, connect, drain, log } = options;
  const workerId = randomBytes(8).toString('hex');
  try {
    const engine = await compute.open(computeOptions);
    if (engine.warning !== null) log(engine.warning);
    const session = new WorkerSession(compute, engine, workerId, drain, log);
    for (let attempt = 1; ; attempt++) {
      const connection = await connect(drain);
      const end = await session.converse(connection);
      if (end !== null) return end;
      if (drain.aborted) return { completed: false, reason: 'asked to leave' };
      const { code, reason } = await connection.closed;
      const pauseMs = fullJitter(DEFAULT_BACKOFF, session.servedSinceConnecting ? (attempt = 1) : attempt, Math.random);
      log(`lost the coordinator (${code}${reason ? `: ${reason}` : ''}); connecting again`);
      await delay(pauseMs, undefined, { signal: drain });
    }
  } catch (error) {
    if (drain.aborted) return { completed: false, reason: 'asked to leave' };
    throw error;
  } finally {
    await compute.close();
  }
}

/** What a worker keeps between connections, and the conversation on one. */
class WorkerSession {
  readonly #compute: Compute;
  readonly #engine: EngineFacts;
  readonly #workerId: string;
  readonly #drain: AbortSignal;
  readonly #log: (line: string) => void;
  /** The run this worker is prepared for. */
  #prepared: { readonly key: string; readonly facts: Prepared } | null = null;
  servedSinceConnecting = false;
  /** The last result as it was sent: the next one is written over it. */
  #encodedResult: Uint8Array | undefined;

  constructor(
    compute: Compute,
    engine: EngineFacts,
    workerId: string,
    drain: AbortSignal,
    log: (line: string) => void,
  ) {
    this.#compute = compute;
    this.#engine = engine;
    this.#workerId = workerId;
    this.#drain = drain;
    this.#log = log;
  }

  /** @returns how the run ended, or null when the connection was lost. */
  async converse(connection: ServerConnection): Promise<WorkEnd | null> {
    let heartbeat: NodeJS.Timeout | null = null;
    let busy = false;
    this.servedSinceConnecting = false;
    const leave = () => {
      connection.send({ type: 'bye', reason: 'asked to leave' });
      connection.close(closeCodes.normal, 'goodbye');
    };
    // A worker that holds a lease finishes it first: the loop below says bye then.
    const onDrain = () => {
      if (!busy) leave();
    };
    this.#drain.addEventListener('abort', onDrain);
    const name = `${hostname()}:${process.pid}`.slice(0, 128);
    const { name: engineName, version, threads } = this.#engine;
    connection.send({
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      workerId: this.#workerId,
      name,
      engine: { name: engineName, version, threads },
    });
    try {
      for await (const message of connection) {
        switch (message.type) {
          case 'welcome':
            heartbeat = setInterval(() => this.#beat(connection), message.heartbeatIntervalMs);
            await this.#prepare(connection, message);
            break;
          case 'reject':
            throw new OperatorError(`the coordinator refused this worker: ${message.message}`, {
              exitCode: exitCodes.rejected,
            });
          case 'parameters':
            this.#compute.setParameters(message.step, message.values);
            break;
          case 'lease':
          case 'evaluation-lease':
            busy = true;
            await this.#serve(connection, message);
            busy = false;
            if (this.#drain.aborted) leave();
            break;
          case 'shutdown':
            return describeEnd(message);
          case 'drain':
            leave();
            return { completed: false, reason: 'the coordinator asked this worker to leave' };
          case 'accepted':
          case 'stale':
          case 'duplicate':
          case 'bad':
          case 'cancel':
          case 'pause':
          case 'resume':
            break;
          default:
            message satisfies never;
        }
      }
      return null;
    } finally {
      if (heartbeat !== null) clearInterval(heartbeat);
      this.#drain.removeEventListener('abort', onDrain);
      connection.close(closeCodes.goingAway, 'the worker is stopping');
    }
  }

  #beat(connection: ServerConnection): void {
    connection.send({ type: 'heartbeat', rssBytes: process.memoryUsage.rss(), tensors: this.#compute.tensors });
  }

  async #prepare(connection: ServerConnection, welcome: Welcome): Promise<void> {
    const { config, run, incarnation } = welcome;
    const key = JSON.stringify([run, config]);
    try {
      if (this.#prepared?.key !== key) this.#prepared = { key, facts: await this.#compute.prepare(config) };
    } catch (error) {
      connection.send({ type: 'error', message: (error as Error).message.slice(0, 1024) || 'unknown' });
      throw error;
    }
    const { modelHash, dataFingerprint, numericsFingerprint } = this.#prepared.facts;
    connection.send({ type: 'ready', run, incarnation, modelHash, dataFingerprint, numericsFingerprint });
    this.#log(`ready: rank ${welcome.rank} of run ${run}`);
  }

  async #serve(connection: ServerConnection, lease: Lease | EvaluationLease): Promise<void> {
    const { run, incarnation, task, step, block } = lease;
    const startedMs = performance.now();
    const common = { run, incarnation, task, step, block };
    if (lease.type === 'lease') {
      const { samples, lossSum, correct, gradient } = await this.#compute.gradient({ step, block });
      const computeMs = performance.now() - startedMs;
      const kept = connection.bufferedBytes === 0 ? this.#encodedResult : undefined;
      this.#encodedResult = encode(
        { type: 'result', ...common, samples, lossSum, correct, computeMs, gradient: float32Bytes(gradient) },
        kept,
      );
      connection.sendEncoded(this.#encodedResult);
    } else {
      const { samples, lossSum, correct } = await this.#compute.evaluate({ step, purpose: lease.purpose, block });
      const computeMs = performance.now() - startedMs;
      connection.send({ type: 'evaluation-result', ...common, samples, lossSum, correct, computeMs });
    }
    this.servedSinceConnecting = true;
  }
}

function describeEnd({ completed, reason }: Shutdown): WorkEnd {
  return { completed, reason };
}
