// The types of launch.mjs, which is JavaScript because it runs before anything is installed.
export function launchEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
export { programArguments } from './program.mjs';
export function launch(args: string[], entry?: string): Promise<void>;
