import type { Inputs, Split } from './dataset.ts';
import type { LayerInput } from './layers.ts';
import type { Loss } from './loss.ts';
import type { MetricName } from '@convoy/protocol/metric';
import type { Settings } from '@convoy/training/settings';

/** What a file for `--workload` exports as its default: a model, what it is trained for, and on what. docs/workloads.md */
export interface Workload {
  /** Lower-case letters, digits and hyphens: the name of its runs. */
  readonly name: string;
  /**
   * Layers as data, or a model of TensorFlow.js, whose layers are taken and whose weights are not: a run's seed draws them. A
   * function is called once in every process.
   */
  readonly model: WorkloadModel | (() => WorkloadModel | Promise<WorkloadModel>);
  /** Bytes are divided by 255 before the first layer; floats are taken as they are. */
  readonly inputType: 'uint8' | 'float32';
  /** `sparseCategoricalCrossentropy` for classes, `meanSquaredError` for values. */
  readonly loss: Loss;
  /** What is told beside the loss: of classes the `accuracy`, of values the `meanAbsoluteError`. Those are the defaults. */
  readonly metrics?: readonly [MetricName];
  /**
   * The files that `dataset` reads, by names of your own. A machine that lacks one fetches it. Without this, `dataset` is called where the
   * workload's file lies, and other machines get the samples.
   */
  readonly files?: Readonly<Record<string, WorkloadFile>>;
  /**
   * Opens the data: once in every process.
   * @param files where the files lie on this machine, by their names.
   */
  readonly dataset: (files: Readonly<Record<string, string>>) => WorkloadDataset | Promise<WorkloadDataset>;
  /** Settings that this workload starts from, over the recipe's and under a configuration file's and the command line's. */
  readonly settings?: Omit<Settings, '$schema' | '$workloadSha256' | 'recipe' | 'model' | 'dataset'>;
}

/**
 * A path, from the workload's file on; or an address that every machine reaches, `https://…` or `s3://BUCKET/KEY`, with the sha256
 * (hex) of what is there.
 */
export type WorkloadFile = string | { readonly url: string; readonly sha256: string };

/** What is read of a `tf.LayersModel`: whichever copy of TensorFlow.js has built it. */
export interface LayersModel {
  readonly name: string;
  readonly layers: readonly KerasLayer[];
  readonly inputs: readonly { readonly shape: readonly (number | null)[] }[];
  readonly outputs: readonly unknown[];
  /** Set by `compile`. */
  readonly optimizer?: { getClassName(): string } | undefined;
  readonly loss?: unknown;
}

/** A layer of it. */
export interface KerasLayer {
  readonly name: string;
  getClassName(): string;
  getConfig(): object;
  readonly inboundNodes: readonly { readonly inboundLayers: readonly { readonly name: string }[] }[];
}

export type WorkloadModel = readonly LayerInput[] | LayersModel;

/** Samples in two splits. Reading must be a pure function of (split, index): workers read what they are asked for, in any order. */
export interface WorkloadDataset {
  readonly trainCount: number;
  readonly testCount: number;
  /** By label, as many as the model's outputs. None where samples have values. */
  readonly classNames?: readonly string[];
  /**
   * Of everything that `read` gives: server and workers compare it. Any text: a hash of the files, a version. Without one, all
   * samples are read and digested at the start of every process.
   */
  readonly fingerprint?: string;
  /** One line for the operator: where the samples come from. */
  readonly origin?: string;
  /**
   * Writes a sample's input.
   * @param index from 0 to the split's count.
   * @param input as long as the product of the model's input shape, in the order of that shape; all zeros.
   * @returns the label, a whole number from 0; of values one number, or as many as the model has outputs.
   */
  read(split: Split, index: number, input: Inputs): number | ArrayLike<number>;
}

/** The workload itself: for its types, where the file is TypeScript. */
export function defineWorkload(workload: Workload): Workload {
  return workload;
}
