import { leastCosts } from './least-squares.ts';

/** What a step is made of, in milliseconds of processor time; a MB is 10⁶ bytes of parameters, which are as many of gradient. */
export interface StepConstants {
  /** The server, per step and MB: norm, Adam, encoding the parameters once. */
  readonly updateMsPerMB: number;
  /** The server, per worker, step and MB: sending parameters, taking a gradient in, checking and adding it. */
  readonly serveMsPerMB: number;
  /** The server, per worker and step whatever the size: messages, the coordinator's decisions, the log. */
  readonly serveMs: number;
  /** A worker, per step and MB: taking parameters in, encoding and sending a gradient. */
  readonly workMsPerMB: number;
  readonly workMs: number;
}

/** Processor time per step that was measured: the server's, and one worker's. */
export interface StepCpu {
  readonly parameters: number;
  readonly workers: number;
  readonly serverCpuMs: number;
  readonly workerCpuMs: number;
}

/** A step that is asked about. */
export interface StepShape {
  readonly parameters: number;
  readonly workers: number;
  /** Shared by the server and all workers, less what others use; null when each has a machine of its own. */
  readonly cores: number | null;
  /** The rate of the server's link, each way; null for memory. */
  readonly gigabitsPerSecond: number | null;
  /** Computing the whole global batch on one worker. */
  readonly computeMs: number;
}

/** The constants, from processor times alone: no step's duration enters. @throws RangeError when they are too few. */
export function fitConstants(measured: readonly StepCpu[]): StepConstants {
  const [updateMsPerMB, serveMsPerMB, serveMs] = leastCosts(
    measured.map(({ parameters, workers }) => [megabytes(parameters), workers * megabytes(parameters), workers]),
    measured.map(({ serverCpuMs }) => serverCpuMs),
  );
  const [workMsPerMB, workMs] = leastCosts(
    measured.map(({ parameters }) => [megabytes(parameters), 1]),
    measured.map(({ workerCpuMs }) => workerCpuMs),
  );
  return {
    updateMsPerMB: updateMsPerMB!,
    serveMsPerMB: serveMsPerMB!,
    serveMs: serveMs!,
    workMsPerMB: workMsPerMB!,
    workMs: workMs!,
  };
}

/**
 * A step's duration in milliseconds. Computing, the update, serving the workers and the last worker's own part follow one
 * another; serving and the link's transfers overlap, so the longer of the two counts; and cores that are shared do no more
 * than they can.
 */
export function predictStepMs(constants: StepConstants, shape: StepShape): number {
  const { workers, cores, computeMs } = shape;
  const MB = megabytes(shape.parameters);
  const update = constants.updateMsPerMB * MB;
  const serve = workers * servingMs(constants, shape.parameters);
  const work = constants.workMsPerMB * MB + constants.workMs;
  const sequence = computeMs / workers + update + Math.max(serve, workers * transferMs(shape)) + work;
  if (cores === null) return sequence;
  return Math.max(sequence, (computeMs + update + serve + workers * work) / cores);
}

/**
 * The number of workers with which a step is shortest, each on a machine of its own: what one more saves in computing,
 * computeMs / W², is then what it costs to serve.
 */
export function bestWorkers(constants: StepConstants, shape: Omit<StepShape, 'workers' | 'cores'>): number {
  const perWorkerMs = Math.max(servingMs(constants, shape.parameters), transferMs(shape));
  const around = Math.sqrt(shape.computeMs / perWorkerMs);
  const candidates = [Math.max(1, Math.floor(around)), Math.max(1, Math.ceil(around))];
  const stepMs = (workers: number) => predictStepMs(constants, { ...shape, workers, cores: null });
  return candidates.reduce((best, workers) => (stepMs(workers) < stepMs(best) ? workers : best));
}

/** The server's processor time per worker and step. */
function servingMs({ serveMsPerMB, serveMs }: StepConstants, parameters: number): number {
  return serveMsPerMB * megabytes(parameters) + serveMs;
}

/** The server's link per worker and step: parameters down, and later a gradient up. */
export function transferMs({
  parameters,
  gigabitsPerSecond,
}: Pick<StepShape, 'parameters' | 'gigabitsPerSecond'>): number {
  // A Gb/s is 10⁶ bits per millisecond.
  return gigabitsPerSecond === null ? 0 : (2 * 8 * megabytes(parameters)) / gigabitsPerSecond;
}

function megabytes(parameters: number): number {
  return (4 * parameters) / 1e6;
}
