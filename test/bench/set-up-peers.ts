// npm run bench:peers
//
// Installs Keras, PyTorch and TensorFlow for Python where `npm run bench` looks for them, or says why that can't be done.
import { peerPython } from './peers.ts';

const { python, reason } = await peerPython((line) => console.error(line));
console.log(python ?? `Keras, PyTorch and TensorFlow will be left out of the bench: ${reason}`);
