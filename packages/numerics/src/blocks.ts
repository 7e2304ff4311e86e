import type { Block } from '@convoy/protocol/messages';

/**
 * The leaves [0, leaves) of a fixed binary tree, cut into dyadic blocks. `leaves` need not be a power of two: a block may
 * reach past the end, and a node whose right half lies past the end equals its left half.
 */

/** The block of the whole tree: the smallest power of two that covers all leaves. */
export function rootOf(leaves: number): Block {
  return { start: 0, size: ceilPowerOfTwo(leaves) };
}

/** The smallest power of two that is at least `n`. */
export function ceilPowerOfTwo(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/** The greatest power of two that is at most `n` (n ≥ 1). */
export function floorPowerOfTwo(n: number): number {
  let power = 1;
  while (power * 2 <= n) power *= 2;
  return power;
}

export function parentOf(block: Block): Block {
  const size = block.size * 2;
  return { start: block.start - (block.start % size), size };
}

export function siblingOf(block: Block): Block {
  const isLeft = block.start % (block.size * 2) === 0;
  return { start: isLeft ? block.start + block.size : block.start - block.size, size: block.size };
}

export function sameBlock(a: Block, b: Block): boolean {
  return a.start === b.start && a.size === b.size;
}

/** The block's leaves that exist: [start, end). */
export function leavesOf(block: Block, leaves: number): { readonly start: number; readonly end: number } {
  return { start: block.start, end: Math.min(block.start + block.size, leaves) };
}

/** The leaves of one task that nobody holds: a buddy allocator, so what is handed out is always a dyadic block. */
export class FreeBlocks {
  readonly #leaves: number;
  readonly #root: Block;
  #blocks: Block[];

  constructor(leaves: number) {
    this.#leaves = leaves;
    this.#root = rootOf(leaves);
    this.#blocks = [this.#root];
  }

  /** How many leaves nobody holds. */
  get leaves(): number {
    return this.#blocks.reduce((sum, block) => {
      const { start, end } = leavesOf(block, this.#leaves);
      return sum + end - start;
    }, 0);
  }

  /** Takes the first free block of at most `maxSize` leaves, splitting a larger one if need be. */
  take(maxSize: number): Block | undefined {
    let block = this.#blocks.shift();
    if (block === undefined) return undefined;
    while (block.size > maxSize || block.start + block.size / 2 >= this.#leaves) {
      if (block.size === 1) break;
      const size: number = block.size / 2;
      const right: Block = { start: block.start + size, size };
      if (right.start < this.#leaves) this.#blocks.unshift(right);
      block = { start: block.start, size };
    }
    return block;
  }

  /** Gives a block back; buddies that are both free become one again. */
  give(block: Block): void {
    let merged = block;
    while (!sameBlock(merged, this.#root)) {
      const sibling = siblingOf(merged);
      if (sibling.start < this.#leaves) {
        const at = this.#blocks.findIndex((free) => sameBlock(free, sibling));
        if (at === -1) break;
        this.#blocks.splice(at, 1);
      }
      merged = parentOf(merged);
    }
    const at = this.#blocks.findIndex((free) => free.start > merged.start);
    this.#blocks.splice(at === -1 ? this.#blocks.length : at, 0, merged);
  }
}
