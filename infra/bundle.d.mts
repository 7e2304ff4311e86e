// The types of bundle.mjs, which is JavaScript because it runs before any TypeScript can.
export function bundledProgram(root: string, entry?: string): Promise<string>;
export function bundle(entries: Readonly<Record<string, string>>, folder: string): Promise<void>;
