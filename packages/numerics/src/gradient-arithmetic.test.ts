import { describe, expect, it } from 'vitest';
import type { Block } from '@convoy/protocol/messages';
import { GRADIENT_FORMATS, type GradientFormat } from '@convoy/protocol/run-config';
import { randomStream } from './random/stream.ts';
import { FreeBlocks, leavesOf } from './blocks.ts';
import { gradientArithmetic } from './gradient-arithmetic.ts';
import { TreeReduction, type Sums } from './reduction.ts';

/** Seven slopes and three statistics: no count that anything is aligned to. */
const layout = { parameterCount: 10, trainableCount: 7 };

/** Values whose sum depends on the grouping. */
function leafGradient(leaf: number): Float32Array {
  const random = randomStream(5, leaf);
  return Float32Array.from({ length: 10 }, () => (random.unit() - 0.5) * 10 ** (random.below(4) - 2));
}

function sumsOf(vector: Float32Array): Sums {
  return { samples: 1, lossSum: 1, metricSum: 0, vector };
}

/** What a worker sends of its block. */
function messageOf(block: Block, leaves: number, format: GradientFormat): Uint8Array {
  const arithmetic = gradientArithmetic(format, layout);
  const tree = new TreeReduction(leaves, block, undefined, arithmetic.add);
  const { start, end } = leavesOf(block, leaves);
  for (let leaf = start; leaf < end; leaf++) {
    const vector = leafGradient(leaf);
    arithmetic.round(vector);
    tree.add({ start: leaf, size: 1 }, sumsOf(vector));
  }
  // A copy, as a message is.
  return arithmetic.pack(tree.total!.vector!).slice();
}

/** What a server has in the end, of blocks in any order. */
function totalOf(blocks: readonly Block[], leaves: number, format: GradientFormat): Float32Array {
  const arithmetic = gradientArithmetic(format, layout);
  const tree = new TreeReduction(leaves, undefined, undefined, arithmetic.add);
  for (const block of blocks) {
    const vector = new Float32Array(layout.parameterCount);
    arithmetic.unpack(messageOf(block, leaves, format), vector);
    tree.add(block, sumsOf(vector));
  }
  return tree.total!.vector!;
}

/** The element's rounding by its definition: eight significant bits, of values well inside the range. */
function toBfloat16(value: number): number {
  if (value === 0) return value;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7);
  const [scaled, down] = [value / unit, Math.floor(value / unit)];
  if (scaled - down === 0.5) return (down % 2 === 0 ? down : down + 1) * unit;
  return Math.round(scaled) * unit;
}

/** The tree's sum by its definition. */
function byDefinition({ start, size }: Block, leaves: number): Float32Array {
  const slopes = (vector: Float32Array) => vector.map((value, i) => (i < 7 ? toBfloat16(value) : value));
  if (size === 1) return slopes(leafGradient(start));
  const left = byDefinition({ start, size: size / 2 }, leaves);
  if (start + size / 2 >= leaves) return left;
  const right = byDefinition({ start: start + size / 2, size: size / 2 }, leaves);
  return slopes(left.map((value, i) => Math.fround(value + right[i]!)));
}

describe.each(GRADIENT_FORMATS)('a sum of gradients in %s', (format) => {
  it.each([1, 2, 3, 5, 8, 13])('has the same bits for %d leaves however they are leased and arrive', (leaves) => {
    const random = randomStream(11, leaves);
    const alone = totalOf([{ start: 0, size: 2 ** Math.ceil(Math.log2(leaves)) }], leaves, format);
    for (let trial = 0; trial < 30; trial++) {
      const free = new FreeBlocks(leaves);
      const blocks: Block[] = [];
      for (let block = free.take(2 ** random.below(4)); block !== undefined; block = free.take(2 ** random.below(4)))
        blocks.splice(random.below(blocks.length + 1), 0, block);
      expect(totalOf(blocks, leaves, format)).toEqual(alone);
    }
  });

  it('is refused in a message of another length', () => {
    const { unpack, messageBytes } = gradientArithmetic(format, layout);
    const vector = new Float32Array(layout.parameterCount);
    expect(() => unpack(new Uint8Array(messageBytes - 1), vector)).toThrow(RangeError);
    expect(() => unpack(new Uint8Array(messageBytes + 1), vector)).toThrow(RangeError);
  });
});

describe('bfloat16', () => {
  it.each([1, 2, 3, 8])('rounds each of %d leaves and each node above them, and no statistic', (leaves) => {
    const root = { start: 0, size: 2 ** Math.ceil(Math.log2(leaves)) };
    expect(totalOf([root], leaves, 'bfloat16')).toEqual(byDefinition(root, leaves));
  });

  it('takes half the bytes for the slopes, and four each for the statistics', () => {
    expect(gradientArithmetic('float32', layout).messageBytes).toBe(40);
    expect(gradientArithmetic('bfloat16', layout).messageBytes).toBe(2 * 7 + 4 * 3);
  });

  it('is the upper half of each float32, little-endian, the statistics behind them', () => {
    const small = { parameterCount: 3, trainableCount: 2 };
    const bytes = gradientArithmetic('bfloat16', small).pack(Float32Array.of(1, -2.5, 3.5));
    expect([...bytes]).toEqual([0x80, 0x3f, 0x20, 0xc0, 0, 0, 0x60, 0x40]);
  });

  it('carries what is not finite, so that the server sees it', () => {
    const { round, pack, unpack } = gradientArithmetic('bfloat16', layout);
    const gradient = Float32Array.of(NaN, Infinity, -Infinity, 3.4e38, 0, -0, 1, NaN, Infinity, 3.4e38);
    round(gradient);
    const received = new Float32Array(10);
    unpack(pack(gradient).slice(), received);
    expect([...received]).toEqual([NaN, Infinity, -Infinity, Infinity, 0, -0, 1, NaN, Infinity, Math.fround(3.4e38)]);
  });
});
