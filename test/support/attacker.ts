import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import {
  PROTOCOL_VERSION,
  type Hello,
  type Lease,
  type Ready,
  type Result,
  type ServerMessage,
  type WorkerMessage,
} from '@convoy/protocol/messages';
import { HEAVY_PARAMETERS } from './workloads.ts';

/** How a connection ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

type MessageOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>;

/** A port that is open to whoever has a token, over TLS. */
export interface GuardedPort {
  readonly port: number;
  readonly token: string;
}

/** A WebSocket client that says whatever a test wants. */
export class Attacker {
  readonly socket: WebSocket;
  readonly ended: Promise<Ending>;
  readonly #messages: ServerMessage[] = [];
  #wake = () => {};
  /** What went wrong with the connection, or why it never was one; null when nothing did. */
  failure: string | null = null;
  /** Sends no more heartbeats. */
  fallSilent = () => {};

  constructor(door: number | GuardedPort) {
    this.socket =
      typeof door === 'number'
        ? new WebSocket(`ws://127.0.0.1:${door}`, { perMessageDeflate: false })
        : new WebSocket(`wss://127.0.0.1:${door.port}`, {
            perMessageDeflate: false,
            rejectUnauthorized: false,
            headers: { authorization: `Bearer ${door.token}` },
          });
    this.socket.on('message', (data: Buffer) => {
      this.#messages.push(decodeServerMessage(data));
      this.#wake();
    });
    // What fails is followed by the end.
    this.socket.on('error', ({ message }) => (this.failure = message));
    this.ended = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      }),
    );
  }

  async open(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) await Promise.race([once(this.socket, 'open'), this.ended]);
    return this;
  }

  send(message: WorkerMessage): void {
    this.sendBytes(encode(message));
  }

  sendBytes(bytes: Uint8Array | string): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }

  /** The next message of one of these types; those before it are passed over. */
  async next<Type extends ServerMessage['type']>(...types: readonly Type[]): Promise<MessageOf<Type>> {
    const isAwaited = (message: ServerMessage): message is MessageOf<Type> =>
      types.some((type) => type === message.type);
    for (;;) {
      for (let message = this.#messages.shift(); message !== undefined; message = this.#messages.shift()) {
        if (isAwaited(message)) return message;
      }
      if (this.socket.readyState >= WebSocket.CLOSING) {
        const { code, reason } = await this.ended;
        throw new Error(`the connection ended (${code}: ${reason}) before ${types.join(' or ')} came`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async hello(changes: Partial<Hello> = {}): Promise<void> {
    await this.open();
    this.send({
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      workerId: `attacker-${Math.random().toString(36).slice(2)}`,
      name: 'attacker',
      engine: { name: 'none', version: '0', threads: 1 },
      ...changes,
    });
  }

  /** Says what an honest worker says, which `claims` are copied from, up to `ready`, and that it lives from then on. */
  async join(claims: Ready, changes: Partial<Ready> = {}): Promise<void> {
    await this.hello();
    await this.next('welcome');
    this.send({ ...claims, holding: null, ...changes });
    const timer = setInterval(() => this.send({ type: 'heartbeat', rssBytes: 1, tensors: 0 }), HEARTBEAT_MS);
    void this.ended.then(() => clearInterval(timer));
    this.fallSilent = () => clearInterval(timer);
  }

  /** Tells a lie about each lease that it is given, until its connection ends: one that came too late is told anew. */
  async lie(microBatch: number, lieAbout: (lease: Lease) => Partial<Result>): Promise<Ending> {
    const telling = async () => {
      for (;;) {
        const lease = await this.next('lease');
        this.answer(lease, microBatch, lieAbout(lease));
        await this.next('stale', 'duplicate');
      }
    };
    // It is told until there is nobody to tell it to.
    await telling().catch(() => {});
    return this.ended;
  }

  /** Sends the same again and again until the connection ends. @returns how often it was dropped before. */
  async insist(send: () => void): Promise<{ readonly code: number; readonly dropped: number }> {
    let dropped = 0;
    const insisting = async () => {
      for (; ; dropped++) {
        send();
        await this.next('stale', 'duplicate');
      }
    };
    await insisting().catch(() => {});
    return { code: (await this.ended).code, dropped };
  }

  /** Answers a lease with a gradient of zeros over as many samples as it has, or with something else. */
  answer({ run, incarnation, task, step, block }: Lease, microBatch: number, changes: Partial<Result> = {}): void {
    const common = { run, incarnation, task, step, block, samples: block.size * microBatch };
    this.send({ type: 'result', ...common, lossSum: 1, metricSum: 0, computeMs: 1, gradient: ZEROS, ...changes });
  }
}

const HEARTBEAT_MS = 500;
const ZEROS = new Uint8Array(4 * HEAVY_PARAMETERS);

const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: here',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${'A'.repeat(22)}==`,
  '\r\n',
].join('\r\n');

/** A TCP socket and what came over it; the other side ends it. */
export class RawPeer {
  readonly socket: Socket;
  /** Resolves with all that came. */
  readonly ended: Promise<string>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    let text = '';
    this.socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    this.socket.on('error', () => {});
    this.ended = new Promise((resolve) => this.socket.on('close', () => resolve(text)));
    this.socket.on('end', () => this.socket.destroy());
  }

  /** The status line's number, or 0 when nothing was answered. */
  async status(): Promise<number> {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(await this.ended)?.[1] ?? 0);
  }

  upgrade(): this {
    this.socket.write(UPGRADE);
    return this;
  }

  /** The code of the close frame that follows the upgrade, or 1006 when there was none. */
  async closeFrame(): Promise<number> {
    const text = await this.ended;
    const frame = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
    return frame[0] === 0x88 && frame.length >= 4 ? frame.readUInt16BE(2) : 1006;
  }
}
