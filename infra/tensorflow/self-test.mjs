// node infra/tensorflow/self-test.mjs TFJS_NODE
//
// Loads the tfjs-node in that directory with its addon and computes one product. Prints TensorFlow's version, or dies: a library for
// another processor ends in SIGILL, so this has to be a process of its own.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import util from 'node:util';

// Node 23 removed these two; tfjs-node 4.22 still calls them.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

const require = createRequire(import.meta.url);
const tf = require(resolve(process.argv[2]));

const product = tf.tidy(() => {
  const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  return Array.from(tf.matMul(matrix, matrix).dataSync());
});
if (tf.getBackend() !== 'tensorflow') throw new Error(`the backend is ${tf.getBackend()}, not tensorflow`);
if (product.join() !== '7,10,15,22') throw new Error(`[[1,2],[3,4]]² came out as [${product}]`);
console.log(tf.version['tfjs-node'] ?? tf.version.tfjs);
