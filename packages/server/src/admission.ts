import { PROTOCOL_VERSION, type Hello, type Ready, type Reject } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';

/** Why a peer can't take part, and what to change. */
export interface Refusal {
  readonly reason: Reject['reason'];
  readonly message: string;
}

/** What every worker of a run must agree on. */
interface Terms {
  readonly modelHash: string;
  readonly dataFingerprint: string;
  readonly samplingVersion: string;
}

/** Judges what a peer says of itself before it is told anything about the run. */
export function refusalOfHello(hello: Hello, { deterministic }: Pick<RunConfig, 'deterministic'>): Refusal | null {
  if (hello.protocolVersion !== PROTOCOL_VERSION) {
    return {
      reason: 'protocol',
      message: `the server speaks protocol ${PROTOCOL_VERSION}, this worker ${hello.protocolVersion}: install the same version of Convoy on both`,
    };
  }
  const { threads } = hello.engine;
  if (deterministic && threads !== 1) {
    return {
      reason: 'engine',
      message: `a deterministic run needs one thread per worker, this one has ${threads}: start it with --threads 1`,
    };
  }
  return null;
}

/** Judges what a worker has prepared. */
export function refusalOfReady(ready: Ready, terms: Terms): Refusal | null {
  if (ready.modelHash !== terms.modelHash) {
    return {
      reason: 'model',
      message: `the worker's model (${short(ready.modelHash)}) is not the run's (${short(terms.modelHash)}): give it the same --workload, or install the same version of Convoy on both`,
    };
  }
  if (ready.samplingVersion !== terms.samplingVersion) {
    return {
      reason: 'sampling',
      message: `the worker draws samples by ${ready.samplingVersion}, the run by ${terms.samplingVersion}: install the same version of Convoy on both`,
    };
  }
  if (ready.dataFingerprint !== terms.dataFingerprint) {
    return {
      reason: 'data',
      message: `the worker's data (${short(ready.dataFingerprint)}) is not the run's (${short(terms.dataFingerprint)}): give it the same files with --data-dir, or the same --workload`,
    };
  }
  return null;
}

/** What a worker is told whose arithmetic is not that of the run. @param bound the run's fingerprint. */
export function refusalOfNumerics(ready: Ready, bound: string): Refusal {
  return {
    reason: 'numerics',
    message: `the worker's arithmetic (${short(ready.numericsFingerprint)}) differs from the run's (${short(bound)}): use one kind of processor and engine (a new run without --deterministic takes any)`,
  };
}

function short(digest: string): string {
  return digest.slice(0, 8);
}
