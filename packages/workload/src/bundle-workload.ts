import { createHash } from 'node:crypto';
import { builtinModules } from 'node:module';
import { basename, dirname, extname, resolve } from 'node:path';
import type { Message, Plugin } from 'esbuild';
import { LENT_PACKAGES, OWN_PACKAGE } from './own-package.ts';

/** A workload's file with all that it imports, as one module that runs on any machine with Convoy. */
export interface BundledWorkload {
  readonly code: Uint8Array;
  /** Of the code. */
  readonly sha256: string;
}

/** Why a workload can't be sent to other machines, in one line that names the import and says what to do. */
export class BundleRefusal extends Error {
  override readonly name = 'BundleRefusal';
}

/** What loads a compiled library, whoever imports it. */
const LOADERS = new Set([
  'bindings',
  'node-gyp-build',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  'detect-libc',
  'prebuild-install',
]);
const builtins = new Set(builtinModules);
const INSTEAD =
  'install the workload with its packages on each machine and start workers with --workload, or leave that import out';

/**
 * Bundles a workload's file. `tfjs-convoy`, `@tensorflow/tfjs` and Node's own modules stay imports: the worker has them.
 * @throws BundleRefusal for an import that does not exist, or that needs a compiled library.
 */
export async function bundleWorkload(file: string): Promise<BundledWorkload> {
  const path = resolve(file);
  const refusals: string[] = [];
  // Loaded when it is wanted: most processes bundle nothing.
  const { build } = await import('esbuild');
  let outputs;
  try {
    ({ outputFiles: outputs } = await build({
      absWorkingDir: dirname(path),
      entryPoints: [path],
      outdir: dirname(path),
      outExtension: { '.js': '.mjs' },
      write: false,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      charset: 'utf8',
      // Among what it leaves out are comments with paths of this machine.
      minifyWhitespace: true,
      legalComments: 'none',
      logLevel: 'silent',
      // CommonJS that is bundled into a module asks for these.
      banner: { js: COMMON_JS },
      define: { __dirname: 'convoyDirname', __filename: 'convoyFilename' },
      plugins: [portable(refusals)],
    }));
  } catch (cause) {
    const [first] = (cause as { readonly errors?: readonly Message[] }).errors ?? [];
    throw refusalOf(refusals[0] ?? (first === undefined ? String(cause) : textOf(first)), cause);
  }
  if (refusals.length > 0) throw refusalOf(refusals[0]!);
  const code = outputs[0]!.contents;
  return { code, sha256: createHash('sha256').update(code).digest('hex') };
}

const COMMON_JS = [
  `import { createRequire as convoyCreateRequire } from 'node:module';`,
  `import { dirname as convoyDirnameOf } from 'node:path';`,
  `import { fileURLToPath as convoyFileURLToPath } from 'node:url';`,
  `const require = convoyCreateRequire(import.meta.url);`,
  `const convoyFilename = convoyFileURLToPath(import.meta.url), convoyDirname = convoyDirnameOf(convoyFilename);`,
].join('\n');

/** Leaves outside what every worker has, and notes what would not run on another machine. */
function portable(refusals: string[]): Plugin {
  const resolving = Symbol('resolving');
  return {
    name: 'portable',
    setup(build) {
      build.onResolve({ filter: /./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (kind === 'entry-point' || pluginData === resolving) return undefined;
        if (path === OWN_PACKAGE || LENT_PACKAGES.test(path)) return { path, external: true };
        if (path.startsWith('node:') || builtins.has(path)) return { path, external: true };
        const name = packageIn(importer) ?? basename(importer);
        if (/^@tensorflow\/tfjs-node/.test(path)) {
          refusals.push(
            `${name} imports ${path}, a native library: import @tensorflow/tfjs, which Convoy computes for`,
          );
          return { path, external: true };
        }
        if (extname(path) === '.node' || LOADERS.has(path)) {
          refusals.push(`it imports ${name}, which needs a compiled library (${path}): ${INSTEAD}`);
          return { path, external: true };
        }
        const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: resolving });
        if (found.errors.length === 0) {
          if (extname(found.path) !== '.node') return found;
          refusals.push(
            `it imports ${packageIn(found.path) ?? name}, which needs a compiled library (${basename(found.path)}): ${INSTEAD}`,
          );
          return { path, external: true };
        }
        // What a package asks for and does without is in a try, and stays one.
        if (kind === 'require-call' && packageIn(importer) !== null) return { path, external: true };
        refusals.push(`${name} imports ${path}, which is not installed here`);
        return { path, external: true };
      });
    },
  };
}

/** The package that a file of node_modules is in; null for others. */
function packageIn(file: string): string | null {
  const [, name] = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file) ?? [];
  return name?.replace('\\', '/') ?? null;
}

function textOf({ text, location }: Message): string {
  return location === null ? text : `${text} (${location.file}, line ${location.line})`;
}

function refusalOf(reason: string, cause?: unknown): BundleRefusal {
  return new BundleRefusal(reason, { cause });
}
