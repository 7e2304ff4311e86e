// Loaders of the main thread don't reach a worker thread's entry: this one installs its own, then starts the program.
import { register } from 'tsx/esm/api';

register();
await import('./thread-main.ts');
