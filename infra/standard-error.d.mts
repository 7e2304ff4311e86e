// The types of standard-error.mjs, which is JavaScript because it runs before anything is installed.
export function isNativeInfo(line: string): boolean;
export function takeTerminal(): void;
