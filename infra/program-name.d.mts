// The types of program-name.mjs, which is JavaScript because it runs before anything is installed.
export function programName(folder?: string): string[];
