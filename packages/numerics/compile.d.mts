export declare function compiledFile(): URL;
export declare function compileKernels(): Promise<'compiled' | 'already compiled'>;
