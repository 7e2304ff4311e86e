// tsx test/bench/raw-worker.ts '{"steps":100,"warmSteps":20,"workers":2,"parameters":904718}' PORT: the other side of raw-server.ts.
import { connect } from 'node:net';
import { float32Bytes } from '@convoy/protocol/tensor';
import { countUsage, type Usage } from './processes.ts';
import type { StepBench, WorkerReport } from './step-bench.ts';

const { warmSteps, parameters: length } = JSON.parse(process.argv[2]!) as StepBench;
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
  if (++steps > warmSteps) used ??= countUsage();
  socket.write(gradient);
});
socket.on('close', () => {
  const rssBytes = 1024 * process.resourceUsage().maxRSS;
  console.log(JSON.stringify({ ...used!(), rssBytes } satisfies WorkerReport));
});
