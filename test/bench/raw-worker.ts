// tsx test/bench/raw-worker.ts '{"steps":100,"workers":2,"parameters":904718}' PORT: the other side of raw-server.ts.
import { connect } from 'node:net';
import { float32Bytes } from '@convoy/protocol/tensor';
import { countUsage, type Usage } from './processes.ts';
import { WARM_STEPS, type StepBench } from './step-bench.ts';

const { parameters: length } = JSON.parse(process.argv[2]!) as StepBench;
const values = float32Bytes(new Float32Array(length));
const gradient = float32Bytes(Float32Array.from({ length }, (_, i) => Math.sin(i) / 1000));
let at = 0;
let steps = 0;
let used: (() => Usage) | null = null;
const socket = connect(Number(process.argv[3]), '127.0.0.1');
socket.setNoDelay(true);
socket.on('data', (chunk) => {
  values.set(chunk, at);
  at += chunk.length;
  if (at < values.length) return;
  at = 0;
  if (++steps > WARM_STEPS) used ??= countUsage();
  socket.write(gradient);
});
socket.on('close', () => console.log(JSON.stringify(used!())));
