import { Packr } from 'msgpackr';
import * as v from 'valibot';
import { ServerMessageSchema, WorkerMessageSchema, type ServerMessage, type WorkerMessage } from './messages.ts';

/** The bytes are not a message: they don't decode, or a field is missing, unknown or out of range. The peer's fault. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** Encodes a message as one MessagePack map. The bytes are the caller's: nothing encoded later overwrites them. */
export function encode(message: WorkerMessage | ServerMessage): Uint8Array {
  return packr.pack(message);
}

/**
 * Decodes and validates what a worker sent. Tensors inside are views into `bytes`, at any alignment: copy them out before
 * the receive buffer is reused.
 * @throws MalformedMessageError naming the field that is wrong.
 */
export function decodeWorkerMessage(bytes: Uint8Array): WorkerMessage {
  return validate(WorkerMessageSchema, unpack(bytes));
}

/** Decodes and validates what a server sent; see {@link decodeWorkerMessage}. */
export function decodeServerMessage(bytes: Uint8Array): ServerMessage {
  return validate(ServerMessageSchema, unpack(bytes));
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new MalformedMessageError(`not MessagePack: ${(cause as Error).message}`, { cause });
  }
}

function validate<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, value, { abortEarly: true });
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  throw new MalformedMessageError(`${describeType(value)}${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}

/** The message's type as a prefix for an error, shortened: it came from a peer. */
function describeType(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('type' in value)) return '';
  return typeof value.type === 'string' ? `${value.type.slice(0, 32)}.` : '';
}
