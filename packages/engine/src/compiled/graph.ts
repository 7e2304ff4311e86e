/** A TensorFlow graph as data, in the terms of TensorFlow's GraphDef; knows no operation by name. */
export interface GraphNode {
  readonly name: string;
  /** The operation's registered name, e.g. `Conv2D`. */
  readonly op: string;
  readonly inputs: readonly Output[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** One result of a node, as GraphDef and the session name it: `conv2d/Conv2D:0`. */
export type Output = `${string}:${number}`;

export type DataType = 'float32' | 'int32' | 'uint8';

/** The kinds of attributes that the operations used here have. An unknown dimension of a shape is -1. */
export type Attribute =
  | { readonly type: DataType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly shape: readonly number[] }
  | { readonly tensor: Constant };

export interface Constant {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Grows a graph node by node. Names depend on the order of the calls only, so that equal models give equal bytes. */
export class Graph {
  readonly #nodes: GraphNode[] = [];
  readonly #names = new Map<string, number>();
  #scope = '';

  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /** Adds a node named after its operation; its first output is returned, the others are {@link outputOf} it. */
  add(op: string, inputs: readonly Output[], attributes: GraphNode['attributes'] = {}, name: string = op): Output {
    const unique = this.#uniqueName(scopeName(this.#scope + name));
    this.#nodes.push({ name: unique, op, inputs, attributes });
    return `${unique}:0`;
  }

  /** A tensor that every run of the graph is given. */
  placeholder(name: string, type: DataType, shape: readonly number[]): Output {
    return this.add('Placeholder', [], { dtype: { type }, shape: { shape } }, name);
  }

  constant(constant: Constant): Output {
    return this.add('Const', [], { dtype: { type: constant.type }, value: { tensor: constant } });
  }

  /** A constant float32 scalar, or a vector without values. */
  float(value?: number): Output {
    return this.constant(
      value === undefined
        ? { type: 'float32', shape: [0], values: [] }
        : { type: 'float32', shape: [], values: [value] },
    );
  }

  /** A constant shape or list of axes. */
  integers(values: readonly number[]): Output {
    return this.constant({ type: 'int32', shape: [values.length], values });
  }

  /** Names of the nodes that `build` adds start with `scope`. */
  within<T>(scope: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = `${outer}${scope}/`;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  #uniqueName(name: string): string {
    const uses = this.#names.get(name) ?? 0;
    this.#names.set(name, uses + 1);
    return uses === 0 ? name : this.#uniqueName(`${name}_${uses}`);
  }
}

/** A layer may be called anything; a node has a name that TensorFlow takes, and a comma would part two names of a session. */
function scopeName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.\\/>-]/g, '_').replace(/^(?![A-Za-z0-9.])/, '.');
}

/** Another output of the node that `output` belongs to. */
export function outputOf(output: Output, index: number): Output {
  return `${output.slice(0, output.lastIndexOf(':'))}:${index}`;
}
