import { Packr } from 'msgpackr';
import * as v from 'valibot';
import {
  printable,
  SERVER_MESSAGE_SIZE,
  ServerMessageSchema,
  WORKER_MESSAGE_SIZE,
  WorkerMessageSchema,
  type ServerMessage,
  type WorkerMessage,
} from './messages.ts';
import { assertModest, type Size } from './structure.ts';

/** The bytes are not a message: they don't decode, or a field is missing, unknown or out of range. The peer's fault. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

const NOTHING = new Uint8Array(0);
/** MessagePack's bin 32: a tag and a 32-bit length before the bytes. */
const BIN32 = { tag: 0xc6, headerBytes: 5 };
/** The alignment of an encoded tensor in memory: an aligned copy out of shared memory is ten times as fast. */
const ALIGNMENT = 8;
/** Room for a head that grows with its numbers, where a buffer is used again. */
const SLACK_BYTES = 256;
/** What `NOTHING` packs to: bin 8 and the length 0. */
const EMPTY_BIN_BYTES = 2;

/**
 * Encodes a message as one MessagePack map. The bytes are the caller's: nothing encoded later overwrites them.
 * @param into what an earlier call returned and nobody reads any more: a message with a tensor is written over it if it
 *   has room. A new buffer of several megabytes costs more in page faults and garbage collection than the encoding itself.
 */
export function encode(message: WorkerMessage | ServerMessage, into?: Uint8Array): Uint8Array {
  switch (message.type) {
    case 'result':
      return encodeWithTensor(withLast(message, 'gradient'), message.gradient, into);
    case 'parameters':
      return encodeWithTensor(withLast(message, 'values'), message.values, into);
    default:
      return packr.pack(message);
  }
}

/** The message with an empty tensor as its last key, wherever the key stood. */
function withLast<Message extends object>(message: Message, key: keyof Message): Message {
  const { [key]: _, ...rest } = message;
  return { ...rest, [key]: NOTHING } as Message;
}

/** Packs everything else, then puts the tensor in the place of the empty one, which must be the map's last value. */
function encodeWithTensor(message: WorkerMessage | ServerMessage, tensor: Uint8Array, into?: Uint8Array): Uint8Array {
  const head = packr.pack(message).subarray(0, -EMPTY_BIN_BYTES);
  const length = head.byteLength + BIN32.headerBytes + tensor.byteLength;
  const padding = (ALIGNMENT - ((head.byteLength + BIN32.headerBytes) % ALIGNMENT)) % ALIGNMENT;
  const hasRoom = into !== undefined && into.buffer.byteLength >= padding + length;
  const bytes = new Uint8Array(hasRoom ? into.buffer : new ArrayBuffer(length + SLACK_BYTES), padding, length);
  bytes.set(head);
  bytes[head.byteLength] = BIN32.tag;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(head.byteLength + 1, tensor.byteLength);
  bytes.set(tensor, head.byteLength + BIN32.headerBytes);
  return bytes;
}

/**
 * Decodes and validates what a worker sent. Tensors inside are views into `bytes`, at any alignment: copy them out before
 * the receive buffer is reused.
 * @throws MalformedMessageError naming the field that is wrong.
 */
export function decodeWorkerMessage(bytes: Uint8Array): WorkerMessage {
  return validate(WorkerMessageSchema, unpack(bytes, WORKER_MESSAGE_SIZE));
}

/** Decodes and validates what a server sent; see {@link decodeWorkerMessage}. */
export function decodeServerMessage(bytes: Uint8Array): ServerMessage {
  return validate(ServerMessageSchema, unpack(bytes, SERVER_MESSAGE_SIZE));
}

function unpack(bytes: Uint8Array, most: Size): unknown {
  try {
    assertModest(bytes, most);
    return packr.unpack(bytes);
  } catch (cause) {
    throw new MalformedMessageError(`not MessagePack: ${(cause as Error).message}`, { cause });
  }
}

function validate<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, value, { abortEarly: true });
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  throw new MalformedMessageError(printable(`${describeType(value)}${v.getDotPath(issue) ?? ''}: ${issue.message}`));
}

/** The message's type as a prefix for an error, shortened: it came from a peer. */
function describeType(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('type' in value)) return '';
  return typeof value.type === 'string' ? `${value.type.slice(0, 32)}.` : '';
}
