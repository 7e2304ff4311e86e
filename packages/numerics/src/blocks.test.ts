import { describe, expect, it } from 'vitest';
import { randomStream } from './random/stream.ts';
import { FreeBlocks, leavesOf, parentOf, rootOf, siblingOf } from './blocks.ts';

describe('FreeBlocks', () => {
  it('hands out dyadic blocks of at most the size asked for, in order', () => {
    const free = new FreeBlocks(8);
    expect(free.take(4)).toEqual({ start: 0, size: 4 });
    expect(free.take(2)).toEqual({ start: 4, size: 2 });
    expect(free.take(8)).toEqual({ start: 6, size: 2 });
    expect(free.leaves).toBe(0);
    expect(free.take(1)).toBeUndefined();
  });

  it('joins buddies that come back, so that one worker can take all again', () => {
    const free = new FreeBlocks(8);
    const blocks = Array.from({ length: 8 }, () => free.take(1)!);
    for (const block of blocks.reverse()) free.give(block);
    expect(free.take(8)).toEqual({ start: 0, size: 8 });
  });

  it('covers a number of leaves that is no power of two, without blocks past its end', () => {
    for (let leaves = 1; leaves <= 33; leaves++) {
      for (const maxSize of [1, 2, 4, 64]) {
        const free = new FreeBlocks(leaves);
        const seen: number[] = [];
        for (let block = free.take(maxSize); block !== undefined; block = free.take(maxSize)) {
          expect(block.size).toBeLessThanOrEqual(maxSize);
          expect(block.start % block.size).toBe(0);
          const { start, end } = leavesOf(block, leaves);
          expect(end).toBeGreaterThan(start);
          for (let leaf = start; leaf < end; leaf++) seen.push(leaf);
        }
        expect(seen).toEqual(Array.from({ length: leaves }, (_, leaf) => leaf));
      }
    }
  });

  it('never hands a leaf out twice, whatever is taken and given back', () => {
    const random = randomStream(1, 77);
    for (let trial = 0; trial < 300; trial++) {
      const leaves = 1 + random.below(20);
      const free = new FreeBlocks(leaves);
      const held: { start: number; size: number }[] = [];
      for (let move = 0; move < 60; move++) {
        if (held.length > 0 && random.below(2) === 0) free.give(held.splice(random.below(held.length), 1)[0]!);
        else {
          const block = free.take(2 ** random.below(5));
          if (block !== undefined) held.push(block);
        }
        const out = held.flatMap((block) => {
          const { start, end } = leavesOf(block, leaves);
          return Array.from({ length: end - start }, (_, n) => start + n);
        });
        expect(new Set(out).size).toBe(out.length);
        expect(free.leaves).toBe(leaves - out.length);
      }
    }
  });
});

describe('the tree', () => {
  it('knows roots, parents and siblings', () => {
    expect(rootOf(6)).toEqual({ start: 0, size: 8 });
    expect(rootOf(1)).toEqual({ start: 0, size: 1 });
    expect(parentOf({ start: 6, size: 2 })).toEqual({ start: 4, size: 4 });
    expect(siblingOf({ start: 6, size: 2 })).toEqual({ start: 4, size: 2 });
    expect(siblingOf({ start: 4, size: 2 })).toEqual({ start: 6, size: 2 });
  });
});
