import type { Model } from '@convoy/model/architecture';
import type { Engine } from '../backends/engine.ts';
import { CompiledProgram } from './compiled-program.ts';
import { withGraphDirectory } from './graph-directory.ts';
import { programGraph } from './program-graph.ts';
import { savedModelBytes } from './saved-model.ts';
import { Session } from './session.ts';

/**
 * Writes the model's graph, or finds it in the cache, and has TensorFlow load it.
 * @param engine the TensorFlow engine.
 * @throws Error when TensorFlow does not take the graph.
 */
export function compile(engine: Engine, model: Model, cacheDir: string): CompiledProgram {
  const graph = programGraph(model);
  const bytes = savedModelBytes(graph.graph.nodes);
  const session = withGraphDirectory(bytes, cacheDir, (directory) => new Session(engine, directory));
  return new CompiledProgram(engine, model, graph, session);
}
