// The types of provision.mjs for the program, which is TypeScript.
export type Provision =
  | {
      readonly engine: 'tensorflow';
      readonly how: 'already working' | 'cache' | 'wheel' | 'install script';
      readonly detail: string;
    }
  | {
      readonly engine: 'wasm';
      readonly how: 'asked for' | 'unsupported' | 'failed' | 'not set up';
      readonly detail: string;
    };

export interface ProvisionOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (line: string) => void;
  readonly progress?: (line: string, amount?: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
  readonly retry?: boolean;
  readonly onlyCached?: boolean;
}

export function provision(options?: ProvisionOptions): Promise<Provision>;
