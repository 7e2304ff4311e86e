import type { Tensor } from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import type { Output } from './graph.ts';
import { TAG } from './saved-model.ts';

/** The part of tfjs-node's backend that runs a SavedModel. */
interface SessionBackend {
  /** @throws Error when the directory's graph can't be read or is not valid. */
  loadSavedModelMetaGraph(directory: string, tags: string): number;
  runSavedModel(
    session: number,
    inputs: readonly Tensor[],
    inputInfos: readonly { readonly name: string }[],
    outputNames: readonly string[],
  ): Tensor[];
  deleteSavedModel(session: number): void;
}

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
   * @returns a tensor for each fetch, which the caller owns.
   */
  run(feeds: readonly (readonly [Output, Tensor])[], fetches: readonly Output[]): Tensor[] {
    return this.#backend.runSavedModel(
      this.#id,
      feeds.map(([, tensor]) => tensor),
      feeds.map(([name]) => ({ name })),
      fetches,
    );
  }

  dispose(): void {
    this.#backend.deleteSavedModel(this.#id);
  }
}
