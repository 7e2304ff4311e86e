import { OperatorError } from '@convoy/protocol/errors';
import type { HealthFinding, RunEvent } from '@convoy/protocol/run-events';
import { camelCase, SETTINGS_OF_FLAGS } from '@convoy/training/flag-names';

/** A flag, and the value that a message gives it if one of these is. */
const FLAG = /--([a-z][a-z-]*)(?: (\d[\d.]*\b|lesson-bn|newest|rollback|synthetic|wasm))?/g;

/** Rewrites a line for who runs a command into one for who calls a function: `--lr` becomes `optimizer.learningRate`. */
export function withOptionNames(line: string): string {
  return line.replaceAll(FLAG, (_, flag: string, value: string | undefined) => {
    const option = SETTINGS_OF_FLAGS[flag] ?? camelCase(flag);
    if (value === undefined) return option;
    return `${option}: ${Number.isNaN(Number(value)) ? `'${value}'` : value}`;
  });
}

/** A finding whose advice names options. */
export function findingForProgram<Finding extends HealthFinding>(finding: Finding): Finding {
  return { ...finding, advice: withOptionNames(finding.advice) };
}

/** An event as a program is told of it: whatever tells it what to change names options. */
export function eventForProgram(event: RunEvent): RunEvent {
  if (event.type === 'health') return findingForProgram(event);
  if (event.type !== 'run-ended') return event;
  return { ...event, reason: withOptionNames(event.reason), health: event.health.map(findingForProgram) };
}

/** Does what a program asked for. @throws what it throws; an OperatorError names options in place of flags. */
export async function forProgram<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const { message, exitCode, cause } = error;
    throw new OperatorError(withOptionNames(message), { exitCode, cause });
  }
}
