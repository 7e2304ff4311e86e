// bash -c 'ulimit -n 256; exec node --import tsx descriptors.fixture.ts'
// Listens; a child with a limit of its own opens 400 silent connections; then this process opens files, and a peer connects.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Codec, Connection } from './connection.ts';
import { dial } from './dial.ts';
import { listen } from './listen.ts';
import { residentBytes } from './resident-bytes.ts';

const codec: Codec<string, string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
};
const options = { codec, maxMessageBytes: 1_000 };
let heard!: (text: string) => void;
const hearing = new Promise<string>((resolve) => (heard = resolve));
const listener = await listen({
  ...options,
  host: '127.0.0.1',
  port: 0,
  maxConnections: 4_096,
  onConnection: (connection) => void read(connection),
});
async function read(connection: Connection<string, string>): Promise<void> {
  for await (const message of connection) heard(message);
}

// In two processes: one has no more descriptors than this one.
const crowd = Array.from({ length: 2 }, () =>
  spawn(
    process.execPath,
    [
      '-e',
      `const { connect } = require('node:net');
       let open = 0;
       const settled = () => { if (++open === 200) console.log('all'); };
       for (let i = 0; i < 200; i++) connect(${listener.port}, '127.0.0.1').once('connect', settled).on('error', () => {});`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  ),
);
await Promise.all(crowd.map(({ stdout }) => createInterface({ input: stdout })[Symbol.asyncIterator]().next()));

const files = Array.from({ length: 32 }, () => openSync('/dev/null', 'r'));
if (residentBytes() <= 0) throw new Error('no memory in use');
for (const file of files) closeSync(file);
const url = `ws://127.0.0.1:${listener.port}`;
const peer = await dial<string, string>({ ...options, url, signal: new AbortController().signal, random: () => 0 });
peer.send('hello');
process.stdout.write(`the file was written, and the peer was heard: ${await hearing}\n`);
for (const child of crowd) child.kill();
await listener.close();
