/** The compiled kernels lie beside the bundle that this module is a part of. In a clone: compile.mjs. */
export function compiledFile() {
  return new URL('./kernels.wasm', import.meta.url);
}
