// The types of first-use.mjs for the program, which is TypeScript.
export function obstacleToTensorflow(): Promise<string | null>;
