// node --import tsx lesson-gradient.fixture.ts
// Sends its parent the gradient of the lesson's CNN for one sample, by the plain JavaScript backend.
import * as tf from '@tensorflow/tfjs';
import { lessonModel } from '@convoy/cifar10/models';
import { gradientOn } from './eager-program.fixture.ts';
import { composedKernels } from './backends/composed-kernels.ts';

await tf.setBackend('cpu');
const engine = { name: 'wasm', version: '', threads: 1, tf, kernels: composedKernels(tf) } as const;
process.send!(gradientOn(engine, lessonModel, 1));
