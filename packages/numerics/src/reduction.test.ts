import { describe, expect, it } from 'vitest';
import type { Block } from '@convoy/protocol/messages';
import { randomStream } from './random/stream.ts';
import { FreeBlocks, leavesOf } from './blocks.ts';
import { TreeReduction, type Sums } from './reduction.ts';

/** Values whose float32 sum depends on the grouping. */
function leafSums(leaf: number): Sums {
  const random = randomStream(5, leaf);
  const vector = Float32Array.from({ length: 50 }, () => (random.unit() - 0.5) * 10 ** (random.below(8) - 4));
  return { samples: leaf + 1, lossSum: random.unit(), metricSum: random.unit(), vector };
}

/** The tree's sums by its definition: a node is its left half plus its right half. */
function byDefinition({ start, size }: Block, leaves: number): Sums & { readonly vector: Float32Array } {
  if (size === 1) return { ...leafSums(start), vector: leafSums(start).vector! };
  const left = byDefinition({ start, size: size / 2 }, leaves);
  if (start + size / 2 >= leaves) return left;
  const right = byDefinition({ start: start + size / 2, size: size / 2 }, leaves);
  return {
    samples: left.samples + right.samples,
    lossSum: left.lossSum + right.lossSum,
    metricSum: left.metricSum + right.metricSum,
    vector: left.vector.map((value, i) => Math.fround(value + right.vector[i]!)),
  };
}

/** A worker's part: its block reduced on its own. */
function reduceBlock(block: Block, leaves: number): Sums {
  const tree = new TreeReduction(leaves, block);
  const { start, end } = leavesOf(block, leaves);
  for (let leaf = start; leaf < end; leaf++) tree.add({ start: leaf, size: 1 }, leafSums(leaf));
  return tree.total!;
}

describe('TreeReduction', () => {
  it.each([1, 2, 3, 5, 8, 13, 16])(
    'gives the same bits for %d leaves however they are leased and in whatever order they arrive',
    (leaves) => {
      const expected = byDefinition({ start: 0, size: 2 ** Math.ceil(Math.log2(leaves)) }, leaves);
      const random = randomStream(11, leaves);
      for (let trial = 0; trial < 50; trial++) {
        const free = new FreeBlocks(leaves);
        const blocks: Block[] = [];
        for (let block = free.take(2 ** random.below(5)); block !== undefined; block = free.take(2 ** random.below(5)))
          blocks.push(block);
        const tree = new TreeReduction(leaves);
        while (blocks.length > 0) {
          expect(tree.total).toBeUndefined();
          const block = blocks.splice(random.below(blocks.length), 1)[0]!;
          tree.add(block, reduceBlock(block, leaves));
        }
        expect(tree.total).toEqual(expected);
      }
    },
  );

  it('differs from the sum in order of arrival: the tree is needed', () => {
    const inOrder = leafSums(0).vector!;
    for (let leaf = 1; leaf < 8; leaf++)
      leafSums(leaf).vector!.forEach((value, i) => (inOrder[i] = inOrder[i]! + value));
    expect(inOrder).not.toEqual(byDefinition({ start: 0, size: 8 }, 8).vector);
  });

  it('gives every vector back exactly once', () => {
    const given: Float32Array[] = [];
    const tree = new TreeReduction(4, undefined, (vector) => given.push(vector));
    const vectors = [0, 1, 2].map((leaf) => leafSums(leaf).vector!);
    for (const [leaf, vector] of vectors.entries()) tree.add({ start: leaf, size: 1 }, { ...leafSums(leaf), vector });
    tree.clear();
    expect(new Set(given)).toEqual(new Set(vectors));
    expect(given).toHaveLength(3);
  });
});
