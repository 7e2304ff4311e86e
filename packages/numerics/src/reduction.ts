import { add as addFloat32 } from './vectors.ts';
import type { Block } from '@convoy/protocol/messages';
import { parentOf, rootOf, sameBlock, siblingOf } from './blocks.ts';

/** What a block contributes besides its gradient. */
export interface Tally {
  readonly samples: number;
  readonly lossSum: number;
  /** The sum of the run's metric: 1 for each correct prediction, or each sample's absolute error, which is a mean over its outputs. */
  readonly metricSum: number;
}

/** A block's sums: of an evaluation without a vector, of a step with the flat gradient. */
export interface Sums extends Tally {
  readonly vector: Float32Array | null;
}

/**
 * Adds blocks up one fixed binary tree over the leaves [0, leaves): a node is its left half plus its right half, never
 * another grouping. Siblings merge as soon as both are in, so whoever computed what and in which order it arrived, the
 * sum is the same floating-point expression. Workers reduce inside their block with the same tree, so the server's sum
 * doesn't depend on how the leaves were leased either.
 */
export class TreeReduction {
  readonly #leaves: number;
  readonly #target: Block;
  readonly #nodes = new Map<number, { block: Block; sums: Sums }>();
  readonly #recycle: (vector: Float32Array) => void;
  readonly #addVectors: (sum: Float32Array, addend: Float32Array) => void;

  /**
   * @param target the node to arrive at: the whole tree by default, a worker's lease otherwise.
   * @param recycle is given each vector that a merge has emptied.
   * @param addVectors what a sum is: the same on every side of a run.
   */
  constructor(
    leaves: number,
    target: Block = rootOf(leaves),
    recycle: (vector: Float32Array) => void = () => {},
    addVectors: (sum: Float32Array, addend: Float32Array) => void = addFloat32,
  ) {
    this.#leaves = leaves;
    this.#target = target;
    this.#recycle = recycle;
    this.#addVectors = addVectors;
  }

  /** Takes a block's sums in. The vector belongs to the reduction from here on: merging adds in place. */
  add(block: Block, sums: Sums): void {
    let node = { block, sums };
    while (!sameBlock(node.block, this.#target)) {
      const sibling = siblingOf(node.block);
      const parent = parentOf(node.block);
      if (sibling.start >= this.#leaves) {
        node = { block: parent, sums: node.sums };
        continue;
      }
      const other = this.#nodes.get(sibling.start);
      if (other === undefined || other.block.size !== sibling.size) break;
      this.#nodes.delete(sibling.start);
      const [left, right] = node.block.start < sibling.start ? [node.sums, other.sums] : [other.sums, node.sums];
      node = { block: parent, sums: this.#merge(left, right) };
    }
    this.#nodes.set(node.block.start, node);
  }

  /** The target's sums once all its leaves are in, else undefined. */
  get total(): Sums | undefined {
    const node = this.#nodes.get(this.#target.start);
    return node !== undefined && sameBlock(node.block, this.#target) ? node.sums : undefined;
  }

  /** Gives every vector held back to the recycler: the sum was applied or is not wanted. */
  clear(): void {
    for (const { sums } of this.#nodes.values()) if (sums.vector !== null) this.#recycle(sums.vector);
    this.#nodes.clear();
  }

  #merge(left: Sums, right: Sums): Sums {
    if (left.vector !== null && right.vector !== null) {
      this.#addVectors(left.vector, right.vector);
      this.#recycle(right.vector);
    }
    return {
      samples: left.samples + right.samples,
      lossSum: left.lossSum + right.lossSum,
      metricSum: left.metricSum + right.metricSum,
      vector: left.vector,
    };
  }
}
