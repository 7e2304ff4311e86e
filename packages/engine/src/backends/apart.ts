/**
 * Loads modules of TensorFlow.js that share nothing with other copies of it in this process.
 *
 * Each copy keeps its engine and its registries of kernels and gradients in the global object, and takes what another copy left
 * there. A workload may bring one of its own: it would warn of hundreds of kernels that are registered twice, and put
 * its gradients over ours. A copy looks for the global object once, while it is evaluated, and first under the name of
 * `window`: so here it finds an object of its own.
 * @param load requires the modules, and nothing else: everything that is evaluated meanwhile believes in a window.
 */
export function loadedApart<Modules>(load: () => Modules): Modules {
  // A browser, or what stands in for one.
  if ('window' in globalThis) return load();
  const holder = globalThis as { window?: object };
  holder.window = ours;
  try {
    return load();
  } finally {
    delete holder.window;
  }
}

const ours: object = Object.create(globalThis, {
  _tfengine: { value: undefined, writable: true },
  _tfGlobals: { value: undefined, writable: true },
});
