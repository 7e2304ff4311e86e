import { encode } from '@convoy/protocol/codec';
import { float32Bytes } from '@convoy/protocol/tensor';
import type { RunIdentity } from './run-context.ts';
import type { WorkerConnection } from './session.ts';

/** Versions that connections may still be sending while a new one is encoded. */
const KEPT_BUFFERS = 2;

interface Encoded {
  step: number;
  bytes: Uint8Array;
  /** Connections to which these bytes were given. */
  readonly readers: Set<WorkerConnection>;
}

/**
 * The current parameters as a message, encoded once for all who need it. A reader that can't keep up holds one version at
 * most, since a worker is sent parameters only with a lease; the buffers are kept and used again when nobody reads them.
 */
export class Publication {
  readonly #identity: RunIdentity;
  readonly #kept: Encoded[] = [];

  constructor(identity: RunIdentity) {
    this.#identity = identity;
  }

  /** @param onEncoded called between encoding, if that is needed, and sending. */
  send(connection: WorkerConnection, step: number, parameters: Float32Array, onEncoded = () => {}): void {
    const encoded = this.#kept.find((version) => version.step === step) ?? this.#encode(step, parameters);
    onEncoded();
    encoded.readers.add(connection);
    connection.sendEncoded(encoded.bytes);
  }

  /** The parameters have changed without a step: what is encoded is not sent any more. */
  forget(): void {
    for (const version of this.#kept) version.step = -1;
  }

  #encode(step: number, parameters: Float32Array): Encoded {
    const free = this.#kept.find(({ readers }) => [...readers].every(({ bufferedBytes }) => bufferedBytes === 0));
    const bytes = encode(
      { type: 'parameters', ...this.#identity, step, values: float32Bytes(parameters) },
      free?.bytes,
    );
    if (free !== undefined) {
      free.step = step;
      free.bytes = bytes;
      free.readers.clear();
      return free;
    }
    const encoded: Encoded = { step, bytes, readers: new Set() };
    this.#kept.unshift(encoded);
    // What a slow reader still holds is its connection's; it is only not used again.
    this.#kept.length = Math.min(this.#kept.length, KEPT_BUFFERS);
    return encoded;
  }
}
