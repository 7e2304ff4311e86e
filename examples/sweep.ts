// node --import tsx examples/sweep.ts [convoy.json]
//
// Trains with three learning rates, one after another, and says which one validates best.
import { train } from 'tfjs-convoy';

const config = process.argv[2];
const trials: { readonly learningRate: number; readonly accuracy: number }[] = [];

for (const learningRate of [0.0003, 0.001, 0.003]) {
  const { validationAccuracy, folder } = await train({ config, single: true, optimizer: { learningRate } }).result;
  const accuracy = validationAccuracy ?? 0;
  console.log(`learning rate ${learningRate}: validation accuracy ${(100 * accuracy).toFixed(2)} %, ${folder}`);
  trials.push({ learningRate, accuracy });
}

const [best] = trials.sort((a, b) => b.accuracy - a.accuracy);
console.log(`best: ${best!.learningRate}`);
