import { InvalidArgumentError } from 'commander';
import { nearestName } from '@convoy/protocol/wrong-value';

// What the command line's texts must be, for commander to say so.

/** A whole number. */
function whole({ least }: { readonly least: number }): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
  };
}

export const positiveInteger = whole({ least: 1 });
export const wholeNumber = whole({ least: 0 });

/** A number that a comparison accepts. @param what ends the sentence "It must be …". */
function numberThat(isRight: (value: number) => boolean, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && isRight(value)) return value;
    throw new InvalidArgumentError(`It must be ${what}.`);
  };
}

export const finiteNumber = numberThat(Number.isFinite, 'a number');
export const positiveNumber = numberThat((value) => value > 0 && value < Infinity, 'a number above 0');
export const amount = numberThat((value) => value >= 0 && value < Infinity, 'at least 0');
export const fraction = numberThat((value) => value >= 0 && value < 1, 'at least 0 and below 1');
export const properFraction = numberThat((value) => value > 0 && value < 1, 'above 0 and below 1');
export const positiveShare = numberThat((value) => value > 0 && value <= 1, 'above 0 and at most 1');

/** A number between bounds, both included. */
export function between(least: number, most: number): (text: string) => number {
  return numberThat((value) => value >= least && value <= most, `a number from ${least} to ${most}`);
}

/** A whole number between bounds, both included. */
export function wholeBetween(least: number, most: number): (text: string) => number {
  const isRight = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  return numberThat(isRight, `a whole number from ${least} to ${most}`);
}

/** One of the choices. */
export function oneOf<Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice !== undefined) return choice;
    const near = nearestName(text, choices);
    const hint = near === undefined ? '' : `Did you mean ${near}? `;
    throw new InvalidArgumentError(`${hint}Allowed choices are ${choices.join(', ')}.`);
  };
}

/** Some of the choices, with commas between; none for `none`. */
export function someOf<Choice extends string>(choices: readonly Choice[]): (text: string) => readonly Choice[] {
  return (text) => {
    if (text.trim() === 'none') return [];
    return text.split(',').map((name) => {
      const choice = choices.find((each) => each === name.trim());
      if (choice !== undefined) return choice;
      throw new InvalidArgumentError(`It must be some of ${choices.join(',')}, with commas between.`);
    });
  };
}

/** Numbers of steps, each above the one before. */
export function risingSteps(text: string): readonly number[] {
  const steps = text.split(',').map(positiveInteger);
  if (steps.some((step, i) => i > 0 && step <= steps[i - 1]!)) throw new InvalidArgumentError('The steps must rise.');
  return steps;
}

const SIZE_UNITS = { K: 1e3, M: 1e6, G: 1e9, T: 1e12 } as const;

/** A number of bytes, in thousands of them: `500M`, `8G`. */
export function byteSize(text: string): number {
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,3})?)([KMGT]?)B?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('It must be a size, like 500M or 8G.');
  const factor = unit === '' ? 1 : SIZE_UNITS[unit!.toUpperCase() as keyof typeof SIZE_UNITS];
  return Math.floor(Number(digits) * factor);
}

/** A size as {@link byteSize} reads it. */
export function sizeText(bytes: number): string {
  const [unit, factor] = Object.entries(SIZE_UNITS).findLast(([, size]) => bytes >= size && bytes % size === 0) ?? [
    '',
    1,
  ];
  return `${bytes / factor}${unit}`;
}
