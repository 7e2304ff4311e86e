// The compute thread's program: started by thread.ts, never by hand.
import { parentPort, workerData } from 'node:worker_threads';
import { OperatorError } from '@convoy/protocol/errors';
import { ComputeCancelled, type GradientSums } from './compute.ts';
import { InlineCompute } from './inline.ts';
import type { ThreadAnswer, ThreadData, ThreadRequest } from './thread.ts';

const port = parentPort!;
const compute = new InlineCompute((workerData as ThreadData).cancelled);
/** The gradient as the other thread sees it. */
let shared: Uint8Array | null = null;
/** Requests that are not answered yet. */
let asked = 0;

port.on('message', (request: ThreadRequest) => {
  asked++;
  const answer = (message: ThreadAnswer) => {
    asked--;
    port.postMessage(message);
    // Not before the answer is on its way, and not once the next request has come.
    setImmediate(() => {
      if (asked === 0) compute.readAhead();
    });
  };
  handle(request).then(
    (value) => answer({ type: 'done', value, tensors: compute.tensors }),
    (error: Error) =>
      answer({
        cancelled: error instanceof ComputeCancelled,
        type: 'failed',
        message: error.message,
        stack: error.stack ?? '',
        exitCode: error instanceof OperatorError ? error.exitCode : null,
      }),
  );
});

async function handle(request: ThreadRequest): Promise<unknown> {
  switch (request.type) {
    case 'open':
      return compute.open(request.options);
    case 'prepare':
      return compute.prepare(request.config, request.provision);
    case 'close':
      await compute.close();
      return port.close();
    case 'gradient':
      takeParameters(request.parameters);
      return share(await compute.gradient(request.work));
    case 'evaluate':
      takeParameters(request.parameters);
      return compute.evaluate(request.work);
  }
}

function takeParameters(parameters: { readonly step: number; readonly values: Float32Array } | null): void {
  if (parameters !== null) compute.takeParameters(parameters.step, parameters.values);
}

function share(sums: GradientSums): GradientSums {
  const { gradient } = sums;
  if (shared?.byteLength !== gradient.byteLength) shared = new Uint8Array(new SharedArrayBuffer(gradient.byteLength));
  shared.set(gradient);
  return { ...sums, gradient: shared };
}
