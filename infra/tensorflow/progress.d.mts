// The types of progress.mjs for the program, which is TypeScript.
export interface Progress {
  say(line: string): void;
  update(line: string, amount?: { readonly done: number; readonly total: number }): void;
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress;
