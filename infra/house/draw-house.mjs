// npm run house: draws docs/house.svg and the table in docs/house.md from the imports; with --check it compares and draws nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { instance } from '@viz-js/viz';
import { cruise } from 'dependency-cruiser';
import prettier from 'prettier';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PICTURE = join(ROOT, 'docs', 'house.svg');
const PAGE = join(ROOT, 'docs', 'house.md');
const COLORS = { packages: '#eef4ff', apps: '#fff3e0' };
/** So many letters fit on a line of a room, in the size of its description and of its names. */
const LINE_LENGTH = { about: 38, names: 48 };

/** A letter's width by its size in the widest of the usual fonts: whatever a reader has, the text stays inside. */
const WIDEST = 0.62;

/**
 * The workspaces under `packages` and `apps`, by their folders.
 * @returns {Map<string, { name: string, about: string, group: string, modules: string[], uses: Set<string> }>}
 */
async function roomsOf(root) {
  const tracked = execFileSync('git', ['ls-files', 'packages/*/src/*.ts', 'apps/*/src/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const sources = tracked
    .split('\n')
    .filter((file) => file && !/\.(test|fixture|bench)\.ts$/.test(file) && existsSync(join(root, file)));
  const rooms = new Map();
  for (const file of sources) {
    const folder = folderOf(file);
    if (!rooms.has(folder)) {
      const { description } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const [group, name] = folder.split('/');
      rooms.set(folder, { name, about: description ?? '', group, modules: [], uses: new Set() });
    }
    rooms.get(folder).modules.push(file.slice(`${folder}/src/`.length));
  }
  const { output } = await cruise(
    sources,
    {
      baseDir: root,
      tsPreCompilationDeps: true,
      doNotFollow: 'node_modules',
      exclude: '[.](test|fixture|bench)[.]ts$',
    },
    { conditionNames: ['import'], exportsFields: ['exports'] },
    { tsConfig: undefined },
  );
  for (const { source, dependencies } of output.modules) {
    const from = folderOf(source);
    for (const { resolved } of dependencies) {
      const to = folderOf(resolved);
      if (from !== to && rooms.has(from) && rooms.has(to)) rooms.get(from).uses.add(to);
    }
  }
  return rooms;
}

const folderOf = (path) => path.split('/').slice(0, 2).join('/');

/** What a room uses beside what those that it uses do: an arrow for each would hide the floors. */
function directly(rooms, folder) {
  const reach = (from, seen = new Set()) => {
    for (const to of rooms.get(from).uses) if (!seen.has(to)) reach(to, seen.add(to));
    return seen;
  };
  const uses = [...rooms.get(folder).uses];
  return uses.filter((to) => !uses.some((other) => other !== to && reach(other).has(to))).sort();
}

/** Modules by their subfolder: a subfolder's name stands before its own. */
function namesOf(modules) {
  const groups = new Map();
  for (const module of modules) {
    const folder = dirname(module);
    groups.set(folder, [...(groups.get(folder) ?? []), basename(module, '.ts')]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, names]) => [folder === '.' ? null : folder, names.sort()]);
}

function lines(words, length) {
  const result = [''];
  for (const word of words) {
    if (result.at(-1).length + word.length > length) result.push('');
    result[result.length - 1] += `${result.at(-1) === '' ? '' : ' '}${word}`;
  }
  return result;
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function label({ name, about, modules }) {
  const left = (size, color, text) =>
    `<tr><td align="left" width="${Math.round(text.length * size * WIDEST)}"><font point-size="${size}" color="${color}">${text}</font></td></tr>`;
  const rows = [left(17, '#101828', `<b>${escaped(name)}</b>`)];
  for (const line of lines(about.split(' '), LINE_LENGTH.about)) rows.push(left(12, '#344054', escaped(line)));
  for (const [folder, names] of namesOf(modules)) {
    const words = names.map((name, n) => (n < names.length - 1 ? `${name},` : name));
    const all = lines(folder === null ? words : [`${folder}/`, ...words], LINE_LENGTH.names);
    for (const line of all) rows.push(left(10, '#667085', escaped(line)));
  }
  return `<table border="0" cellborder="0" cellspacing="0" cellpadding="1">${rows.join('')}</table>`;
}

async function picture(rooms) {
  const nodes = [...rooms].map(
    ([folder, room]) => `"${folder}" [label=<${label(room)}>, fillcolor="${COLORS[room.group]}"];`,
  );
  const edges = [...rooms.keys()].flatMap((folder) => directly(rooms, folder).map((to) => `"${folder}" -> "${to}";`));
  const graph = `digraph house {
    graph [rankdir=TB, ranksep=0.55, nodesep=0.3, fontname="Helvetica", bgcolor="white", pad=0.3];
    node [shape=box, style="rounded,filled", color="#98a2b3", fontname="Arial,Helvetica,sans-serif", margin="0.3,0.12"];
    edge [color="#667085", arrowsize=0.7];
    ${nodes.join('\n    ')}
    ${edges.join('\n    ')}
  }`;
  const viz = await instance();
  return viz.renderString(graph, { format: 'svg', engine: 'dot' });
}

async function page(rooms) {
  const table = [...rooms.entries()]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([folder, { about }]) => `| [${folder}](../${folder}) | ${about} |`);
  const text = `# The house

Drawn from the imports by \`npm run house\`; CI fails when the drawing is not what the code is. An arrow points to what a room imports; arrows that follow from others are left out.

![The packages and apps, what each holds, and what each imports](house.svg)

| room | what it holds |
| --- | --- |
${table.join('\n')}
`;
  const options = await prettier.resolveConfig(PAGE);
  return prettier.format(text, { ...options, filepath: PAGE });
}

const rooms = await roomsOf(ROOT);
const nameless = [...rooms.entries()].filter(([, { about }]) => about === '').map(([folder]) => folder);
if (nameless.length > 0)
  throw new Error(`say in "description" of package.json what these hold: ${nameless.join(', ')}`);
const made = [
  [PICTURE, await picture(rooms)],
  [PAGE, await page(rooms)],
];
if (!process.argv.includes('--check')) for (const [path, text] of made) writeFileSync(path, text);
else {
  const stale = made.filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);
  for (const [path] of stale)
    console.error(`${path.slice(ROOT.length)} is not what the imports say: run "npm run house"`);
  if (stale.length > 0) process.exitCode = 1;
}
