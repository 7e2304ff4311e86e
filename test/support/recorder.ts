import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectSecurely, createServer as createSecureServer } from 'node:tls';
import { decodeWorkerMessage } from '@convoy/protocol/codec';
import type { WorkerMessage } from '@convoy/protocol/messages';

const END_OF_REQUEST = '\r\n\r\n';
const MASK_BYTES = 4;

/** A relay between workers and their server that keeps what the workers say. */
export class Recorder {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: { readonly type: string; readonly resolve: (bytes: Buffer) => void }[] = [];

  private constructor(server: Server, protocol: 'ws' | 'wss') {
    this.#server = server;
    this.url = `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @param tls the certificate that the server shows, with its key, where it speaks TLS. */
  static async before(port: number, tls?: { readonly cert: string; readonly key: string }): Promise<Recorder> {
    const server = tls === undefined ? createServer() : createSecureServer(tls);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const recorder = new Recorder(server, tls === undefined ? 'ws' : 'wss');
    server.on(tls === undefined ? 'connection' : 'secureConnection', (worker: Socket) => {
      const target =
        tls === undefined
          ? connect(port, '127.0.0.1')
          : connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false });
      for (const socket of [worker, target]) {
        recorder.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          worker.destroy();
          target.destroy();
        });
      }
      recorder.#listen(worker);
      worker.pipe(target).pipe(worker);
    });
    return recorder;
  }

  /** The bytes of the next message of a type. */
  next(type: WorkerMessage['type']): Promise<Buffer> {
    return new Promise((resolve) => this.#waiting.push({ type, resolve }));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #listen(worker: Socket): void {
    let heard = Buffer.alloc(0);
    let isUpgraded = false;
    worker.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (!isUpgraded) {
        const end = heard.indexOf(END_OF_REQUEST);
        if (end < 0) return;
        heard = heard.subarray(end + END_OF_REQUEST.length);
        isUpgraded = true;
      }
      for (let frame = firstFrame(heard); frame !== null; frame = firstFrame(heard)) {
        heard = heard.subarray(frame.end);
        if (frame.isBinary) this.#record(frame.data);
      }
    });
  }

  #record(data: Buffer): void {
    const { type } = decodeWorkerMessage(data);
    const at = this.#waiting.findIndex((waiting) => waiting.type === type);
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(Buffer.from(data));
  }
}

/** The first frame of a Convoy worker, whose mask is zero; null while it is not whole. RFC 6455, 5.2. */
function firstFrame(bytes: Buffer): { readonly data: Buffer; readonly isBinary: boolean; readonly end: number } | null {
  if (bytes.length < 2) return null;
  const short = bytes[1]! & 0x7f;
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const start = 2 + lengthBytes + MASK_BYTES;
  if (bytes.length < start) return null;
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(lengthBytes === 2 ? 2 : 4, lengthBytes === 2 ? 2 : 6);
  const end = start + length;
  if (bytes.length < end) return null;
  return { data: bytes.subarray(start, end), isBinary: (bytes[0]! & 0x0f) === 2, end };
}
