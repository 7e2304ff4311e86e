// The types of program-name.mjs, which is JavaScript because it runs before anything is installed.
export const PROGRAM_ANYWHERE: readonly string[];
export function programName(folder?: string): readonly string[];
