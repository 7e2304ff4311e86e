// The program as a few files of JavaScript. Node starts them in a tenth of a second, where it takes tsx one to hand it every
// source file by itself, in each process and once more in each of its threads.
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { writePage } from './build-page.mjs';

/**
 * What is started: the mains of the processes, and threads by the names that `new Worker` knows them by. And what a workload
 * imports.
 */
const ENTRIES = {
  main: 'apps/cli/src/main.ts',
  'parameter-server': 'apps/parameter-server/src/main.ts',
  worker: 'apps/worker/src/main.ts',
  index: 'packages/tfjs-convoy/src/index.ts',
  'thread-entry': 'packages/worker/src/compute/thread-main.ts',
};
/** A bundle that nobody has started for so long is removed; a process may still want a part of it until then. */
const UNUSED_AFTER_MS = 30 * 24 * 3600_000;

/**
 * The program as its sources are at this moment, with the page that shows its runs in `page/` beside it: bundled now, unless
 * that was done before.
 *
 * A bundle lies in a folder that is named after the digest of everything it is made of, so a stale one can't be started.
 * @param {string} root of the clone
 * @param {'main' | 'parameter-server' | 'worker'} entry which of the processes
 * @returns {Promise<string>} the path of its main module
 * @throws when esbuild can't bundle the sources, or the folder can't be written
 */
export async function bundledProgram(root, entry = 'main') {
  const programs = join(root, '.cache', 'program');
  const digest = digestOfSources(root);
  const folder = join(programs, digest);
  const main = join(folder, `${entry}.mjs`);
  if (existsSync(main)) {
    markAsUsed(folder);
    return main;
  }
  // Written aside and renamed: whoever sees the folder sees all of it.
  const partial = `${folder}.${randomUUID()}.partial`;
  try {
    const entries = Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, join(root, file)]));
    await bundle(entries, partial);
    await writePage(root, join(partial, 'page'));
    // Changed while it was read: it is made of neither.
    if (digestOfSources(root) !== digest) return await bundledProgram(root, entry);
    renameSync(partial, folder);
  } catch (error) {
    // Somebody else may have been faster, with the same files.
    if (!existsSync(main)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  removeUnused(programs);
  return main;
}

/**
 * Bundles TypeScript for Node: `name.mjs` for each entry, and what they share. What is JavaScript already, such as every
 * dependency, stays where it is and is imported from there.
 * @param {Record<string, string>} entries the path of each entry's source by its name
 * @param {string} folder where the files go; made if need be
 */
export async function bundle(entries, folder) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: entries,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // None but Node's own: esbuild would take a bundler's build where a package has one.
    conditions: [],
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
    plugins: [onlyTypeScript],
  });
  mkdirSync(folder, { recursive: true });
  // Flushed: the folder's name promises what is in it, after a loss of power too.
  for (const { path, contents } of outputFiles) writeFileSync(join(folder, basename(path)), contents, { flush: true });
}

/** @type {import('esbuild').Plugin} */
const onlyTypeScript = {
  name: 'only TypeScript',
  setup(build) {
    const resolving = Symbol('resolving');
    build.onResolve({ filter: /./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (kind === 'entry-point' || pluginData === resolving) return undefined;
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: resolving });
      if (found.errors.length > 0 || found.external || found.path.endsWith('.ts')) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
    // A `require` resolves from where its source is.
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        'createRequire(import.meta.url)',
        `createRequire(${JSON.stringify(pathToFileURL(path).href)})`,
      ),
      loader: 'ts',
    }));
  },
};

function digestOfSources(root) {
  const projects = ['apps', 'packages'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true }).filter((entry) => entry.isDirectory()),
  );
  const files = projects.flatMap(({ parentPath, name }) => {
    const project = join(parentPath, name);
    const sources = ['src', 'page'].flatMap((folder) => filesBelow(join(project, folder)));
    return [
      join(project, 'package.json'),
      join(project, 'tsconfig.json'),
      ...sources.filter((file) => !/\.(test|bench)\.ts$/.test(file)),
    ];
  });
  // Where the dependencies are, and how a bundle is made of all of them.
  const others = ['package-lock.json', 'node_modules/.package-lock.json', 'tsconfig.base.json'];
  const hash = createHash('sha256').update(root);
  const makers = ['./bundle.mjs', './build-page.mjs', './bundled-licenses.mjs'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  for (const file of [...files, ...others.map((name) => join(root, name)), ...makers].sort()) {
    const content = readIfThere(file);
    hash.update(`\n${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

/** None where there is no such folder. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Empty when it is not there: a project need not have each of the files. */
function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

function markAsUsed(folder) {
  try {
    utimesSync(folder, new Date(), new Date());
  } catch {
    // A clone that can only be read keeps what it has.
  }
}

function removeUnused(programs) {
  for (const name of readdirSync(programs)) {
    const folder = join(programs, name);
    const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
    if (Date.now() - mtimeMs > UNUSED_AFTER_MS) rmSync(folder, { recursive: true, force: true });
  }
}
