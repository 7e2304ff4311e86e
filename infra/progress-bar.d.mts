// The types of progress-bar.mjs for the program, which is TypeScript.
export function progressBar(fraction: number, width: number): [done: string, left: string];
export function durationText(seconds: number): string;
export function megabytes(bytes: number, total?: number): string;

export class TimeLeft {
  note(done: number, total: number, ms: number): number | null;
}
