import { add, addBfloat16, narrowToBfloat16, roundToBfloat16, widenFromBfloat16 } from './vectors.ts';
import type { GradientFormat } from '@convoy/protocol/run-config';
import { copyFloat32, float32Bytes } from '@convoy/protocol/tensor';

/**
 * What a run does with gradients, the same on workers and server: rounds each micro-batch's, adds them up the tree, and
 * writes a sum into a message. As rounding is part of every addition, whatever a block's sum is can be written without a
 * loss; so how the micro-batches were leased still decides nothing.
 */
export interface GradientArithmetic {
  /** The length of a gradient in a message. */
  readonly messageBytes: number;
  /** gradient ← what may enter the tree. */
  round(gradient: Float32Array): void;
  /** sum ← sum + addend, of two that entered it or came out of it. */
  add(sum: Float32Array, addend: Float32Array): void;
  /** A gradient as a message carries it. The bytes are the vector's own memory, and its values may be lost. */
  pack(gradient: Float32Array): Uint8Array;
  /** Copies a message's gradient, at any alignment, into a vector. @throws RangeError when it is not `messageBytes` long. */
  unpack(bytes: Uint8Array, gradient: Float32Array): void;
}

/** How a gradient divides: the slopes, then the statistics. */
export interface GradientLayout {
  readonly parameterCount: number;
  readonly trainableCount: number;
}

/** The arithmetic of a run's `gradientFormat`. */
export function gradientArithmetic(format: GradientFormat, layout: GradientLayout): GradientArithmetic {
  switch (format) {
    case 'float32':
      return {
        messageBytes: layout.parameterCount * Float32Array.BYTES_PER_ELEMENT,
        round: () => {},
        add,
        pack: float32Bytes,
        unpack: copyFloat32,
      };
    case 'bfloat16':
      return bfloat16Arithmetic(layout);
  }
}

const BFLOAT16_BYTES = 2;

/** The head in bfloat16. The tail stays float32: eight bits are too few for a variance, and it is short. */
function bfloat16Arithmetic({ parameterCount, trainableCount }: GradientLayout): GradientArithmetic {
  const headOf = (vector: Float32Array) => vector.subarray(0, trainableCount);
  const tailOf = (vector: Float32Array) => vector.subarray(trainableCount);
  const headBytes = trainableCount * BFLOAT16_BYTES;
  const tailAt = trainableCount * Float32Array.BYTES_PER_ELEMENT;
  const messageBytes = headBytes + (parameterCount - trainableCount) * Float32Array.BYTES_PER_ELEMENT;
  return {
    messageBytes,

    round: (gradient) => roundToBfloat16(headOf(gradient)),

    add(sum, addend) {
      addBfloat16(headOf(sum), headOf(addend));
      add(tailOf(sum), tailOf(addend));
    },

    pack(gradient) {
      narrowToBfloat16(headOf(gradient));
      const bytes = float32Bytes(gradient);
      bytes.copyWithin(headBytes, tailAt);
      return bytes.subarray(0, messageBytes);
    },

    unpack(bytes, gradient) {
      if (bytes.byteLength !== messageBytes) {
        throw new RangeError(`expected ${messageBytes} bytes of a gradient in bfloat16, got ${bytes.byteLength}`);
      }
      const target = float32Bytes(gradient);
      target.set(bytes.subarray(0, headBytes));
      target.set(bytes.subarray(headBytes), tailAt);
      widenFromBfloat16(headOf(gradient));
    },
  };
}
