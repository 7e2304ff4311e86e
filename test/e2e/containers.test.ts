// What docs/deploy/containers.md says, as it says it: both images are built, and a coordinator and workers train in them.
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convoy, PROGRAM, summaryOf, temporaryFolder, type Finished } from '../support/convoy.ts';
import { ended } from '../support/ended.ts';
import { INSTALLED_AFTER_MS, installedPackage } from '../support/installed-package.ts';
import { Network, networkObstacle } from '../support/network.ts';
import { Podman, podmanObstacle } from '../support/podman.ts';

const TITLE = 'containers that train';
const obstacle = networkObstacle() ?? podmanObstacle();
if (obstacle === null) describe(TITLE, inContainers);
else it(TITLE, () => console.info(`NOT CHECKED: ${TITLE}: ${obstacle}`));

/** The page's first two blocks of commands: to build, and to run a coordinator and a worker. */
function page(): readonly [readonly string[], readonly string[]] {
  const text = readFileSync(new URL('../../docs/deploy/containers.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```\n(.*?)\n```$/gms)].map(([, block]) => block!.replace(/\\\n\s*/g, '').split('\n')); // prettier-ignore
  return blocks.slice(0, 2) as never;
}

const RUN = '--recipe quick --dataset synthetic --deterministic';
const SMALL = `${RUN} --synthetic-size 200 --batch-size 16 --micro-batch 4 --steps 6 --seed 7`;
const READY_LOOK_MS = 200;

function inContainers(): void {
  const folder = temporaryFolder();
  const podman = new Podman(join(folder.path, 'podman'));
  const network = new Network(['box']);
  afterAll(async () => {
    await podman.remove();
    network.remove();
    folder.remove();
  }, INSTALLED_AFTER_MS);

  let missing: string | null = null;
  const context = join(folder.path, 'context');
  let npmCache: string;
  beforeAll(async () => {
    const { tarball, obstacle: without } = await installedPackage();
    missing = without ?? (await podman.importImages());
    cpSync(fileURLToPath(new URL('../../infra/containers', import.meta.url)), context, { recursive: true });
    copyFileSync(tarball, join(context, basename(tarball)));
    npmCache = join(dirname(tarball), 'npm-cache');
  }, INSTALLED_AFTER_MS);

  /** Runs the page's commands in a shell that knows podman and convoy by these names. */
  function shell(...script: readonly string[]): Promise<Finished> {
    const images = ['BUILD_IMAGE', podman.buildImage, 'BASE_IMAGE', podman.baseImage];
    const build = [`--build-arg=${images[0]}=${images[1]}`, `--build-arg=${images[2]}=${images[3]}`, '--network=host', `--volume=${npmCache}:/root/.npm:O`]; // prettier-ignore
    const functions = [
      `convoy() { '${process.execPath}' '${PROGRAM}' "$@"; }`,
      `podman() { local word=$1 more=; shift`,
      `  case $word in build) more='${build.join(' ')}' ;; run) more='${podman.limits.join(' ')}' ;; esac`,
      `  command ${podman.words.join(' ')} $word $more "$@"; }`,
      'set -e',
    ];
    const commands = script.map((line) =>
      line
        .replace(/ infra\/containers$/, ` ${context}`)
        // Theirs alone, so that the port is free.
        .replace('--network host', `--network ns:/run/netns/${network.host('box').space}`)
        .replace(RUN, SMALL),
    );
    return ended(spawn('bash', ['-c', [...functions, ...commands].join('\n')], { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] })); // prettier-ignore
  }

  async function succeeds(...script: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await shell(...script);
    if (code !== 0) throw new Error(`${script.join('\n')} ended with ${code}:\n${stdout}${stderr}`);
  }

  /** Waits until the container's own health check is content. @throws when the container has ended before that. */
  async function healthy(): Promise<void> {
    for (;;) {
      const { code } = await shell('podman healthcheck run coordinator');
      if (code === 0) return;
      const state = await shell("podman inspect --format '{{.State.Status}}' coordinator");
      if (state.stdout.startsWith('exited')) throw new Error(`no coordinator:\n${(await shell('podman logs coordinator')).stderr}`); // prettier-ignore
      await new Promise((resolve) => setTimeout(resolve, READY_LOOK_MS));
    }
  }

  it(
    'come to the parameters of --single, without root and with a read-only root file system',
    async () => {
      if (missing !== null) return console.info(`NOT CHECKED: ${TITLE}: ${missing}`);
      const [building, running] = page();
      expect(building.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['npm run', 'podman build', 'podman build']); // prettier-ignore
      // The first packs: that is done.
      await succeeds(...building.slice(1));
      const [makeTokens, takeTokens, coordinate, work] = running as [string, string, string, string];
      await succeeds(makeTokens);
      const coordinator = shell(takeTokens, coordinate.replace(RUN, `${RUN} --min-workers 2`));
      await healthy();
      const workers = [shell(takeTokens, work), shell(takeTokens, work)];
      const single = summaryOf(await convoy(['train', '--single', ...SMALL.split(' '), '--json', '--run-dir', join(folder.path, 'single')])); // prettier-ignore
      for (const { code, stderr } of await Promise.all(workers)) {
        expect(stderr).toMatch(/ready: rank/);
        expect(code).toBe(0);
      }
      const { code, stderr } = await coordinator;
      expect(code).toBe(0);
      // TensorFlow, not WASM.
      expect(stderr.match(/joined: .*, tensorflow /g)).toHaveLength(2);
      const looking = ['run', '--rm', '--network=none', ...podman.limits, '--volume=run:/data', '--entrypoint=node'];
      const look =
        "console.log(require('node:crypto').createHash('sha256').update(fs.readFileSync('/data/run/parameters.bin')).digest('hex'), process.getuid())";
      expect((await podman.run(...looking, 'convoy-coordinator:0.2.0', '-e', look)).trim()).toBe(`${single.parametersSha256} 10001`); // prettier-ignore
      for (const written of ['/opt/convoy/x', '/x']) {
        const write = `try { fs.writeFileSync('${written}', ''); process.exit(1); } catch { }`;
        await podman.run(...looking, '--read-only', '--user=0', 'convoy-worker:0.2.0', '-e', write);
      }
    },
    INSTALLED_AFTER_MS,
  );
}
