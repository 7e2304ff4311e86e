// Compiles assembly/kernels.ts to dist/kernels-DIGEST.wasm: part of `npm run setup`. Whoever finds no such file computes in
// plain TypeScript, with the same bits.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCE = new URL('./assembly/kernels.ts', import.meta.url);
const FOLDER = new URL('./dist/', import.meta.url);

/** Named after its source, so that no file is ever loaded that was compiled from another. */
export function compiledFile() {
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 16);
  return new URL(`kernels-${digest}.wasm`, FOLDER);
}

/**
 * Compiles the kernels unless that is done already. Throws one line when the compiler refuses.
 * @returns {Promise<'compiled' | 'already compiled'>}
 */
export async function compileKernels() {
  const target = compiledFile();
  mkdirSync(FOLDER, { recursive: true });
  const name = target.pathname.split('/').pop();
  const files = readdirSync(FOLDER);
  if (files.includes(name)) return 'already compiled';
  const { default: compiler } = await import('assemblyscript/asc');
  const temporary = `${fileURLToPath(target)}.${process.pid}.partial`;
  const options = ['--optimizeLevel', '3', '--enable', 'simd', '--importMemory', '--runtime', 'stub', '--noAssert'];
  const outputs = new Map();
  const { error, stderr } = await compiler.main(
    [fileURLToPath(SOURCE).split(/[\\/]/).pop(), '--outFile', 'kernels.wasm', ...options],
    {
      readFile: (file) => (file === 'kernels.ts' ? readFileSync(SOURCE, 'utf8') : null),
      writeFile: (file, content) => void outputs.set(file, content),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`the SIMD kernels don't compile: ${stderr.toString().trim() || error.message}`);
  writeFileSync(temporary, outputs.get('kernels.wasm'));
  renameSync(temporary, target);
  for (const old of files) if (old.startsWith('kernels-')) rmSync(new URL(old, FOLDER), { force: true });
  return 'compiled';
}
