// node --import tsx checkpoint-crash.ts RUN_FOLDER OPERATION before|after
// Writes the checkpoint of step 20 beside that of step 10, and kills itself right before or after its OPERATION-th
// operation on the disk. With OPERATION 0 it lives, and prints how many there are.
import { diskFiles } from '@convoy/run-store/checkpoint-files';
import { interruptible, type Operation } from '@convoy/run-store/checkpoint-files.fixture';
import { CheckpointStore } from '@convoy/run-store/checkpoint-store';
import { identity, stateAt } from '@convoy/run-store/checkpoint.fixture';

const [runFolder, operation, when] = process.argv.slice(2) as [string, string, 'before' | 'after'];

let operations = 0;
const dieAt = ({ number }: Operation): void => {
  operations = number;
  if (number !== Number(operation)) return;
  process.kill(process.pid, 'SIGKILL');
  // Not a step further, should the signal take its time.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};

const store = await CheckpointStore.open({
  runFolder,
  identity,
  keep: 1,
  now: () => Date.now(),
  fence: () => Promise.resolve(),
  onWritten: () => {},
  onFailed: (_, error) => {
    throw error;
  },
  files: interruptible(diskFiles, { [when]: dieAt }),
  // Files come into being in pieces, as large ones do.
  chunkBytes: 1000,
});
store.save(stateAt(20), 'interval');
await store.flush();
process.stdout.write(`${operations}\n`);
