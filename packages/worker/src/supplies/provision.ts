import type { SamplesDescription } from '@convoy/protocol/run-description';
import type { DoorAddress } from '@convoy/transport/door-client';

/** Where this machine has what it fetched for a run. It can be sent to the compute thread. */
export interface Provision {
  /** Names what the coordinator had said: while it says the same, nothing has to be fetched again. */
  readonly etag?: string | undefined;
  /** The folder with CIFAR-10's files. */
  readonly dataDir?: string;
  /** The workload's code. */
  readonly workload?: string;
  /** The workload's files, by their names. */
  readonly files?: Readonly<Record<string, string>>;
  /** Samples of the coordinator's, in the place of a data set that is opened here. */
  readonly samples?: SampleSource;
}

export interface SampleSource {
  readonly description: SamplesDescription;
  readonly from: SamplePlace;
}

export type SamplePlace =
  /** Fetched whole: a file of records for each split. */
  | { readonly kind: 'files'; readonly train: string; readonly test: string }
  /** Fetched as they are leased. */
  | { readonly kind: 'coordinator'; readonly address: DoorAddress; readonly holdBytes: number };
