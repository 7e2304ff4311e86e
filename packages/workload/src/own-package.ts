import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What a workload imports `defineWorkload` from. */
export const OWN_PACKAGE = 'tfjs-convoy';

const require = createRequire(import.meta.url);

/** The modules that `tfjs-convoy` is in this program, as paths. */
export interface OwnEntries {
  readonly import: string;
  readonly require: string;
}

/** They lie beside the bundle that this module is a part of. Where nothing is bundled there is one, and it is TypeScript. */
export function ownEntries(): OwnEntries {
  const [module, commonJs] = ['./index.mjs', './index.cjs'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  if (existsSync(module!)) return { import: module!, require: existsSync(commonJs!) ? commonJs! : module! };
  const source = require.resolve(OWN_PACKAGE);
  return { import: source, require: source };
}

let isHooked = false;

/** What this program has and lends to a workload that has none of its own. */
export const LENT_PACKAGES = /^(@convoy\/[^/]+|@tensorflow\/tfjs(-core|-layers|-data|-converter|-backend-\w+)?)(\/|$)/;

/**
 * Lets `tfjs-convoy` be imported from where it is not installed: by a workload outside the clone that it is trained by, or of a
 * Convoy that npx has fetched. It is this program then. Where it is installed, that one is taken. Such a workload finds this program's
 * TensorFlow.js too, unless it has one.
 * @param file the workload's.
 */
export function findOwnPackageFor(file: string): void {
  if (isHooked || isInstalledFor(file)) return;
  isHooked = true;
  const entries = ownEntries();
  const url = pathToFileURL(entries.import).href;
  const lender = import.meta.url;
  const hooks = module as unknown as { readonly registerHooks?: (hooks: { readonly resolve: Resolve }) => void };
  if (hooks.registerHooks === undefined) {
    // Node 20.
    module.register(`data:text/javascript,${encodeURIComponent(ASYNCHRONOUS)}`, { data: { url, lender } });
    resolveInCommonJs(entries.require);
    return;
  }
  hooks.registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === OWN_PACKAGE) return { url, shortCircuit: true };
      try {
        return next(specifier, context);
      } catch (error) {
        if (!LENT_PACKAGES.test(specifier)) throw error;
        try {
          return next(specifier, { ...context, parentURL: lender });
        } catch {
          throw error;
        }
      }
    },
  });
}

/** Not by a clone, whose workspace it is: that is TypeScript, and this program is built from it. */
function isInstalledFor(file: string): boolean {
  try {
    return !createRequire(file).resolve(OWN_PACKAGE).endsWith('.ts');
  } catch {
    return false;
  }
}

type Resolve = (specifier: string, context: object, next: (specifier: string, context: object) => object) => object;

/** The same for a Node whose hooks run on a thread of their own. */
const ASYNCHRONOUS = `
let own;
export const initialize = (data) => void (own = data);
export const resolve = async (specifier, context, next) => {
  if (specifier === ${JSON.stringify(OWN_PACKAGE)}) return { url: own.url, shortCircuit: true };
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!${LENT_PACKAGES}.test(specifier)) throw error;
    try {
      return await next(specifier, { ...context, parentURL: own.lender });
    } catch {
      throw error;
    }
  }
};`;

function resolveInCommonJs(entry: string): void {
  const loader = module as unknown as { _resolveFilename: (request: string, ...rest: unknown[]) => string };
  const original = loader._resolveFilename;
  // What this program looks for itself comes here too.
  let isLending = false;
  loader._resolveFilename = function (request, ...rest) {
    if (request === OWN_PACKAGE) return entry;
    try {
      return original.call(this, request, ...rest);
    } catch (error) {
      if (isLending || !LENT_PACKAGES.test(request)) throw error;
      isLending = true;
      try {
        return require.resolve(request);
      } catch {
        throw error;
      } finally {
        isLending = false;
      }
    }
  };
}
