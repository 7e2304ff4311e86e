// The types of program.mjs, which is JavaScript because it runs before anything is installed.
export function nodeOptions(): string[];
export function programArguments(entry?: string): Promise<string[]>;
