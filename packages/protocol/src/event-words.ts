import type { Block } from './messages.ts';
import { METRIC_LABELS, percent, readMetric, type MetricFigure, type MetricName } from './metric.ts';
import type { HealthFinding, Rollback, RunEvent } from './run-events.ts';

// How people read a run's events: the same words in a terminal and on a page.

/** The micro-batches of a block, by their numbers. */
export function microBatches({ start, size }: Block): string {
  return size === 1 ? `micro-batch ${start}` : `micro-batches ${start}–${start + size - 1}`;
}

/** A task: a step by the number that it will have. */
export function taskName({ step, work }: { readonly step: number; readonly work: 'gradient' | 'evaluation' }): string {
  return work === 'gradient' ? `step ${step + 1}` : `evaluation after step ${step}`;
}

/** What a step or an evaluation waits for. */
export function stallText({
  step,
  work,
  forMs,
  waitingFor,
  freeLeaves,
}: Extract<RunEvent, { type: 'stalled' }>): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(0)} s`;
  const who = waitingFor.map(
    ({ rank, name, block, forMs: leasedMs, why }) =>
      `worker ${rank} (${name}, ${why}) has had ${microBatches(block)} for ${seconds(leasedMs)}`,
  );
  if (freeLeaves > 0)
    who.push(`${countOf(freeLeaves, 'micro-batch')} ${freeLeaves === 1 ? 'waits' : 'wait'} for a worker that is ready`);
  return `${taskName({ step, work })}: nothing came for ${seconds(forMs)}: ${who.join('; ')}`;
}

/** From where to where a run went back, and why. */
export function rollbackText({ fromStep, toStep, kind, since, learningRateFactor }: Rollback): string {
  const place = toStep === 0 ? 'its beginning' : `the checkpoint of step ${toStep}`;
  return `from step ${fromStep} to ${place}, with ${learningRateFactor} of the learning rate, for it was ${kind} since step ${since}`;
}

/** A finding in one line. */
export function healthText({ kind, since, evidence, advice }: HealthFinding): string {
  return `${kind} since step ${since}: ${evidence}. Try: ${advice}`;
}

/** A metric's name and its value, which may be emphasised. */
export function metricText(figure: MetricFigure, emphasised: (value: string) => string = (value) => value): string {
  const { name, value } = readMetric(figure);
  return `${METRIC_LABELS[name]} ${emphasised(metricValue(name, value))}`;
}

/** An accuracy in percent, an error with four significant digits. */
export function metricValue(name: MetricName, value: number): string {
  return name === 'accuracy' ? percent(value) : value.toPrecision(4);
}

/** A number and what is counted, in the singular or the plural: `1 step`, `2,000 steps`, `2 micro-batches`. */
export function countOf(n: number, noun: string): string {
  const ending = n === 1 ? '' : /(s|tch)$/.test(noun) ? 'es' : 's';
  return `${n.toLocaleString('en-US')} ${noun}${ending}`;
}

/** What an operator asked for. */
export function requestText({ request, rank, by, refusal }: Extract<RunEvent, { type: 'operator-request' }>): string {
  const what = {
    checkpoint: 'write a checkpoint',
    drain: `drain worker ${rank}`,
    stop: 'stop',
    pause: 'pause',
    unpause: 'go on',
  };
  return `${by} asked to ${what[request]}${refusal === null ? '' : `: refused, ${refusal}`}`;
}
