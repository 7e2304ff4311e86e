// tsx test/bench/raw-server.ts '{"steps":100,"warmSteps":20,"workers":2,"parameters":904718}'
//
// What a step can cost in Node at best: a `net` server that sends every worker the parameters, takes a gradient of each,
// adds them up and applies Adam with Convoy's own arithmetic. No frames, no messages, no checks, nothing that could go wrong.
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { loadKernels } from '@convoy/numerics/load-vectors';
import { add, allocateVector } from '@convoy/numerics/vectors';
import { Parameters } from '@convoy/server/parameters';
import { float32Bytes } from '@convoy/protocol/tensor';
import { createOptimizer, DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import { countUsage } from './processes.ts';
import type { ServerReport, StepBench } from './step-bench.ts';

const { steps, warmSteps, workers, parameters: length } = JSON.parse(process.argv[2]!) as StepBench;
loadKernels();
const parameters = new Parameters(
  new Float32Array(length).fill(0.01),
  createOptimizer(DEFAULT_OPTIMIZERS.adam, { tensors: [] }),
);
const gradients = Array.from({ length: workers }, () => allocateVector(length));
/** What is sent: it must not change while it is. */
const outgoing = new Uint8Array(4 * length);
const sockets: Socket[] = [];
let complete = 0;
let allIn: () => void = () => {};

const server = createServer((socket) => {
  socket.setNoDelay(true);
  const target = float32Bytes(gradients[sockets.length]!);
  sockets.push(socket);
  let at = 0;
  socket.on('data', (chunk) => {
    target.set(chunk, at);
    at += chunk.length;
    if (at < target.length) return;
    at = 0;
    if (++complete === workers) allIn();
  });
  if (sockets.length === workers) void train();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify((server.address() as AddressInfo).port));

async function train(): Promise<void> {
  const stepMs: number[] = [];
  let used = countUsage();
  for (let step = 1; step <= steps + warmSteps; step++) {
    const startedMs = performance.now();
    complete = 0;
    const gathered = new Promise<void>((resolve) => (allIn = resolve));
    outgoing.set(float32Bytes(parameters.values));
    for (const socket of sockets) socket.write(outgoing);
    await gathered;
    for (let worker = 1; worker < workers; worker++) add(gradients[0]!, gradients[worker]!);
    parameters.update(gradients[0]!, workers, 1e-6);
    if (step === warmSteps) used = countUsage();
    if (step > warmSteps) stepMs.push(performance.now() - startedMs);
  }
  for (const socket of sockets) socket.end();
  const rssBytes = 1024 * process.resourceUsage().maxRSS;
  console.log(
    JSON.stringify({
      stepMs,
      ...used(),
      rssBytes,
      rssByTenth: [],
      machineCpuMs: null,
      leasedAgain: 0,
    } satisfies ServerReport),
  );
  server.close();
}
