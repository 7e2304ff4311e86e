import type { Graph, Output } from './graph.ts';

/**
 * The slopes of an operation's inputs, given that of its output; called once, and only for an input that needs one.
 * Every element is a thunk, so that the slope of an input nobody asked for adds no nodes to the graph.
 */
export type Pullback = (slope: Output) => readonly (() => Output)[];

interface Entry {
  readonly inputs: readonly Output[];
  readonly output: Output;
  readonly pullback: Pullback;
}

/**
 * Reverse-mode differentiation while a graph is being written: operations record how slopes flow back through them, and
 * {@link Tape.slopes} writes the backward pass. An output that is used twice gets its slopes added in the order in which
 * the backward pass meets them, which the graph alone decides.
 */
export class Tape {
  readonly graph: Graph;
  readonly #entries: Entry[] = [];
  /** What depends on a parameter: nothing else needs a slope, the images above all. */
  readonly #dependent = new Set<Output>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Slopes with respect to this output will be asked for. */
  watch(output: Output): void {
    this.#dependent.add(output);
  }

  /** @param inputs one for each thunk of the pullback. */
  record(output: Output, inputs: readonly Output[], pullback: Pullback): Output {
    if (inputs.some((input) => this.#dependent.has(input))) {
      this.#dependent.add(output);
      this.#entries.push({ inputs, output, pullback });
    }
    return output;
  }

  /**
   * Writes the backward pass from `output`, whose slope is `seed`.
   * @returns the slope of each of `targets`, which must have been watched.
   * @throws Error when `output` doesn't depend on a target.
   */
  slopes(output: Output, seed: Output, targets: readonly Output[]): readonly Output[] {
    const parts = new Map<Output, Output[]>([[output, [seed]]]);
    for (const entry of this.#entries.toReversed()) {
      const slope = this.#sum(parts.get(entry.output));
      if (slope === null) continue;
      const thunks = entry.pullback(slope);
      for (const [index, input] of entry.inputs.entries()) {
        if (!this.#dependent.has(input)) continue;
        const part = thunks[index]!();
        const known = parts.get(input);
        if (known === undefined) parts.set(input, [part]);
        else known.push(part);
      }
    }
    return targets.map((target) => {
      const slope = this.#sum(parts.get(target));
      if (slope === null) throw new Error(`${output} does not depend on ${target}`);
      return slope;
    });
  }

  #sum(parts: readonly Output[] | undefined): Output | null {
    if (parts === undefined) return null;
    if (parts.length === 1) return parts[0]!;
    return this.graph.add('AddN', parts, { N: { int: parts.length }, T: { type: 'float32' } });
  }
}
