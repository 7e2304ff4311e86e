import * as v from 'valibot';
import { MAX_RATES, RunConfigSchema } from './run-config.ts';
import { EvaluationDetailsSchema } from './evaluation-details.ts';
import type { Size } from './structure.ts';
import { count, wholeNumber } from './numbers.ts';

/** Raised whenever a message changes incompatibly; compared in `hello` before anything else. */
export const PROTOCOL_VERSION = 6;

/** Room for a message's other fields beside its tensor. */
const MESSAGE_OVERHEAD_BYTES = 64 * 1024;

/** A rate on the wire: a tag and a float64. */
const RATE_BYTES = 9;

/** The largest valid message of a model's run, in bytes: one flat vector or a table of rates, and the fields beside it. */
export function maxMessageBytes(parameterCount: number): number {
  const vectorBytes = parameterCount * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(vectorBytes, MAX_RATES * RATE_BYTES) + MESSAGE_OVERHEAD_BYTES;
}

/** No message of a worker's is larger than this, with room for later versions. */
export const WORKER_MESSAGE_SIZE: Size = { items: 1_024, depth: 8 };
/** A `welcome` has the run's configuration in it, whose largest part is a table of rates. */
export const SERVER_MESSAGE_SIZE: Size = { items: MAX_RATES + 256, depth: 8 };

/** The largest valid result of a run whose gradients take so many bytes. */
export function maxResultBytes(gradientBytes: number): number {
  return gradientBytes + MESSAGE_OVERHEAD_BYTES;
}

/** Words of any origin as a message's text may have them: without control characters, no longer than `limit`, not empty. */
export function asText(words: string, limit: number): string {
  const line = words.replace(/\p{C}+/gu, ' ').slice(0, limit);
  // Half of a pair that was cut apart is no character.
  return line.replace(/\p{C}$/u, '') || 'unknown';
}

/** A peer's words as they may be shown: short, and without control characters, which could write over what a terminal shows. */
export function printable(words: string): string {
  return words.slice(0, 200).replace(/\p{C}/gu, '\uFFFD');
}

/** A reason in a message has so many characters at most. */
export const REASON_LENGTH = 256;
/** An error or a refusal so many. */
export const ERROR_LENGTH = 1024;

/** For people: no control characters, which a terminal would obey. */
const text = (limit: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(limit), v.regex(/^\P{C}*$/u));
const finite = v.pipe(v.number(), v.finite());
/** A loss or an error may be anything: a model that diverges is the run's concern, not a malformed message. */
const sum = v.union([v.number(), v.nan()]);
const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');
const identifier = v.pipe(v.string(), v.regex(/^[A-Za-z0-9._:-]{1,64}$/));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Micro-batches (or pieces of an evaluation) [start, start + size): size is a power of two that divides start. */
const BlockSchema = v.pipe(
  v.strictObject({ start: wholeNumber, size: count }),
  v.check(
    ({ start, size }) => Number.isInteger(Math.log2(size)) && start % size === 0,
    'a block must be dyadic: its size a power of two that divides its start',
  ),
);
export type Block = v.InferOutput<typeof BlockSchema>;

/** Names the server process that a message is about: another process is another incarnation, even of the same run. */
const session = { run: identifier, incarnation: identifier };

/** What one result belongs to. `task` is unique within an incarnation; step and block say the same for people. */
const work = { ...session, task: wholeNumber, step: wholeNumber, block: BlockSchema };

// ── worker → server ────────────────────────────────────────────────────────────────────────────────────────────────

/** "I am here; this is what I speak and compute with." The first message; later versions may add to it, so that theirs can still be named. */
export const HelloSchema = v.looseObject({
  type: v.literal('hello'),
  protocolVersion: wholeNumber,
  /** Random per process. In the run's log, for all to see. */
  workerId: identifier,
  /** Random per process, and told to nobody but the server: who has the id without it is another. */
  secret: v.optional(identifier),
  /** For people: host and process id. */
  name: text(128),
  engine: v.strictObject({ name: text(32), version: text(64), threads: wholeNumber }),
});

/** "I hold the model and the data you named; give me work." */
export const ReadySchema = v.strictObject({
  type: v.literal('ready'),
  ...session,
  /** sha256 of the architecture the worker will differentiate. */
  modelHash: digest,
  /** sha256 over the images and labels. */
  dataFingerprint: digest,
  /** sha256 of a small reference gradient's bits: equal on workers whose arithmetic is equal. */
  numericsFingerprint: digest,
  /** How the order of the samples is drawn: the generator's and the permutation's versions. */
  samplingVersion: text(128),
  /** The lease that a connection before this one left the worker with: being computed, or done and not yet answered. */
  holding: v.nullable(v.strictObject({ task: wholeNumber, block: BlockSchema })),
});

/** "Here is the gradient of the block you leased me, summed over its samples in tree order." */
export const ResultSchema = v.strictObject({
  type: v.literal('result'),
  ...work,
  samples: count,
  /** Sum over the samples of the model's loss: cross-entropies (nats), or squared errors. */
  lossSum: sum,
  /** Sum over the samples of the model's metric: 1 for each whose most probable class was the label, or its absolute error. */
  metricSum: sum,
  /** Time from lease to result on the worker. */
  computeMs: v.pipe(finite, v.minValue(0)),
  /**
   * One flat vector, little-endian: the sum over the samples of the loss's gradient, in the run's `gradientFormat`; behind
   * the slopes the sums of the statistics, float32 in either. Last on the wire.
   */
  gradient: bytes,
});

/** "Here are the sums of the block of the evaluation you leased me." */
export const EvaluationResultSchema = v.strictObject({
  type: v.literal('evaluation-result'),
  ...work,
  samples: count,
  lossSum: sum,
  metricSum: sum,
  computeMs: v.pipe(finite, v.minValue(0)),
  /** If the lease asked for them. */
  details: v.exactOptional(EvaluationDetailsSchema),
});

/** "I shall not deliver this lease, which you cancelled; I am idle." */
export const LeaseReturnedSchema = v.strictObject({ type: v.literal('lease-returned'), ...work });

/** "I leave when I have delivered what I hold: lease me nothing more." */
export const DrainingSchema = v.strictObject({ type: v.literal('draining') });

/** "I am alive", whatever the compute thread is doing, "and this large." */
export const HeartbeatSchema = v.strictObject({
  type: v.literal('heartbeat'),
  /** Resident memory of the worker's process. */
  rssBytes: wholeNumber,
  /** Live tensors of its engine: grows only if one is leaked. */
  tensors: wholeNumber,
  /** Answers an `alive` that asked for it: the server's time in it, and the worker's own (ms) when it came and now. */
  clock: v.exactOptional(v.strictObject({ aliveMs: finite, heardMs: finite, sentMs: finite })),
});

/** "Where the time of the lease went whose result follows", if the lease asked for it. Times are the worker's own (ms). */
export const SpansSchema = v.strictObject({
  type: v.literal('spans'),
  task: wholeNumber,
  block: BlockSchema,
  /** When the lease came, and when this is sent. */
  leasedMs: finite,
  sentMs: finite,
  /** See lease-spans.ts. */
  spans: bytes,
});

/** "I am leaving on purpose; lease what I hold to somebody else." */
export const ByeSchema = v.strictObject({ type: v.literal('bye'), reason: text(REASON_LENGTH) });

/** "I can't do what you asked", e.g. the data is missing; the connection closes after it. */
export const WorkerErrorSchema = v.strictObject({ type: v.literal('error'), message: text(ERROR_LENGTH) });

// ── server → worker ────────────────────────────────────────────────────────────────────────────────────────────────

/** "This is the run; prepare its model and data, then say `ready`." */
export const WelcomeSchema = v.strictObject({
  type: v.literal('welcome'),
  protocolVersion: wholeNumber,
  ...session,
  /** Order of joining, for display. */
  rank: wholeNumber,
  config: RunConfigSchema,
  parameterCount: count,
  heartbeatIntervalMs: count,
  /** A side that hears nothing for this long gives the connection up. */
  silentAfterMs: count,
});

/** "I am alive", every second: not as an answer, which would wait behind what the worker is sending. */
export const AliveSchema = v.strictObject({
  type: v.literal('alive'),
  /** The server's time (ms) while steps are traced: the next heartbeat shall answer it. */
  clockMs: v.exactOptional(finite),
});

/** "You can't take part, and this is what to change." The connection closes after it. */
export const RejectSchema = v.strictObject({
  type: v.literal('reject'),
  reason: v.picklist(['protocol', 'model', 'data', 'numerics', 'engine', 'sampling']),
  message: text(ERROR_LENGTH),
});

/** "These are the parameters after `step` commits." Precedes the first lease of that step. */
export const ParametersSchema = v.strictObject({
  type: v.literal('parameters'),
  ...session,
  step: wholeNumber,
  /** One flat vector of float32, little-endian. Last on the wire. */
  values: bytes,
});

/** "Compute the gradient of these micro-batches of step `step` at the parameters of that step." */
export const LeaseSchema = v.strictObject({
  type: v.literal('lease'),
  ...work,
  /** Whether to say in `spans` where its time goes. */
  trace: v.exactOptional(v.boolean()),
});

/** "Evaluate these pieces of the split at the parameters of step `step`." */
export const EvaluationLeaseSchema = v.strictObject({
  type: v.literal('evaluation-lease'),
  ...work,
  purpose: v.picklist(['validation', 'test']),
  /** Whether it shall say beside the sums what is taken for what. */
  details: v.exactOptional(v.boolean()),
});

/** The answer to each result: what became of it. */
export const AnswerSchema = v.strictObject({
  type: v.picklist(['accepted', 'stale', 'duplicate', 'bad']),
  task: wholeNumber,
  block: BlockSchema,
});

/** "Never mind this lease; its result would be dropped." Answered with `lease-returned`, or with the result if it is done. */
export const CancelSchema = v.strictObject({ type: v.literal('cancel'), task: wholeNumber, block: BlockSchema });

/** "Finish what you hold, then leave." */
export const DrainSchema = v.strictObject({ type: v.literal('drain') });

/** "No work until `resume`, because …" */
export const PauseSchema = v.strictObject({ type: v.literal('pause'), reason: text(REASON_LENGTH) });
export const ResumeSchema = v.strictObject({ type: v.literal('resume') });

/** "You get no work for so long, because …", when the coordinator puts the worker in quarantine. */
export const QuarantinedSchema = v.strictObject({
  type: v.literal('quarantined'),
  forMs: v.pipe(finite, v.minValue(0)),
  reason: text(REASON_LENGTH),
});

/** "The run is over; exit." `completed` says whether it reached its end. */
export const ShutdownSchema = v.strictObject({
  type: v.literal('shutdown'),
  completed: v.boolean(),
  reason: text(REASON_LENGTH),
});

export const WorkerMessageSchema = v.variant('type', [
  HelloSchema,
  ReadySchema,
  ResultSchema,
  EvaluationResultSchema,
  LeaseReturnedSchema,
  DrainingSchema,
  HeartbeatSchema,
  SpansSchema,
  ByeSchema,
  WorkerErrorSchema,
]);

export const ServerMessageSchema = v.variant('type', [
  WelcomeSchema,
  AliveSchema,
  RejectSchema,
  ParametersSchema,
  LeaseSchema,
  EvaluationLeaseSchema,
  AnswerSchema,
  CancelSchema,
  DrainSchema,
  PauseSchema,
  ResumeSchema,
  QuarantinedSchema,
  ShutdownSchema,
]);

export type WorkerMessage = v.InferOutput<typeof WorkerMessageSchema>;
export type ServerMessage = v.InferOutput<typeof ServerMessageSchema>;
export type Hello = v.InferOutput<typeof HelloSchema>;
export type Ready = v.InferOutput<typeof ReadySchema>;
export type LeaseReturned = v.InferOutput<typeof LeaseReturnedSchema>;
export type LeaseSpans = v.InferOutput<typeof SpansSchema>;
export type Heartbeat = v.InferOutput<typeof HeartbeatSchema>;
export type Result = v.InferOutput<typeof ResultSchema>;
export type EvaluationResult = v.InferOutput<typeof EvaluationResultSchema>;
export type Welcome = v.InferOutput<typeof WelcomeSchema>;
export type Reject = v.InferOutput<typeof RejectSchema>;
export type Lease = v.InferOutput<typeof LeaseSchema>;
export type EvaluationLease = v.InferOutput<typeof EvaluationLeaseSchema>;
export type Shutdown = v.InferOutput<typeof ShutdownSchema>;
