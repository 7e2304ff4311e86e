import type { Tensor } from '@tensorflow/tfjs';
import type { Engine } from '../backends/engine.ts';
import type { Output } from './graph.ts';
import { TAG } from './saved-model.ts';

/** The part of tfjs-node's backend that runs a SavedModel. */
interface SessionBackend {
  readonly binding: SessionBinding;
  /** @throws Error when the directory's graph can't be read or is not valid. */
  loadSavedModelMetaGraph(directory: string, tags: string): number;
  /** Uploads what is not yet. */
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  createOutputTensor(output: OutputMetadata): Tensor;
  deleteSavedModel(session: number): void;
}

/** The addon's own functions. Names are joined by commas. */
interface SessionBinding {
  readonly TF_UINT8: number;
  /** Shares the array until the tensor is deleted. @throws Error when shape and length don't agree. */
  createTensor(shape: readonly number[], type: number, values: Uint8Array): number;
  deleteTensor(id: number): void;
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): OutputMetadata[];
}

interface OutputMetadata {
  readonly id: number;
}

/** A tensor of a type that TensorFlow.js does not have. */
export interface ByteTensor {
  readonly uint8: Uint8Array;
  readonly shape: readonly number[];
}

export type Feed = readonly [Output, Tensor | ByteTensor];

/**
 * A graph that TensorFlow has loaded. `tf.node.loadSavedModel` would do it too, but keeps every model it has loaded in a
 * list by path, looks names up through a signature and reads the file a second time.
 */
export class Session {
  readonly #backend: SessionBackend;
  readonly #id: number;

  /**
   * @param engine the TensorFlow engine.
   * @param directory of a SavedModel.
   * @throws Error when TensorFlow rejects it.
   */
  constructor(engine: Engine, directory: string) {
    this.#backend = engine.tf.backend() as unknown as SessionBackend;
    this.#id = this.#backend.loadSavedModelMetaGraph(directory, TAG);
  }

  /**
   * Runs what `fetches` need. TensorFlow prepares a plan for each set of feeds and fetches at its first use.
   *
   * Bytes are handed over as they are: tfjs-node's own way to a uint8 input is an int32 tensor that it reads back and
   * converts, value by value.
   * @returns a tensor for each fetch, which the caller owns.
   */
  run(feeds: readonly Feed[], fetches: readonly Output[]): Tensor[] {
    const { binding } = this.#backend;
    const uploaded: number[] = [];
    const upload = ({ shape, uint8 }: ByteTensor): number => {
      const id = binding.createTensor(shape, binding.TF_UINT8, uint8);
      uploaded.push(id);
      return id;
    };
    try {
      const inputs = feeds.map(([, value]) =>
        'uint8' in value ? upload(value) : this.#backend.getInputTensorIds([value])[0]!,
      );
      const outputs = binding.runSavedModel(this.#id, inputs, feeds.map(([name]) => name).join(), fetches.join());
      return outputs.map((output) => this.#backend.createOutputTensor(output));
    } finally {
      for (const id of uploaded) binding.deleteTensor(id);
    }
  }

  dispose(): void {
    this.#backend.deleteSavedModel(this.#id);
  }
}
