// node --import tsx run-lock.fixture.ts RUN_FOLDER
// Says "ready", waits for a line on stdin, takes the lock of the run, says "won" or why not, and holds it until stdin ends.
import { createInterface } from 'node:readline';
import { RunLock } from './run-lock.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
say('ready');
await lines.next();
try {
  const lock = await RunLock.acquire(process.argv[2]!, {
    run: 'r',
    incarnation: `of-${process.pid}`,
    url: null,
    onLost: () => {},
  });
  say(`won ${lock.tookOver ?? ''}`);
} catch (error) {
  say((error as Error).message);
}
await lines.next();
