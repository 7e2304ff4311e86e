import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '@convoy/model/cache-directory';
import { ended } from './ended.ts';
import { npmRegistry } from './installed-package.ts';

/** What an image needs for the steps of infra/containers/Containerfile, beside Node and npm. */
const PROGRAMS = ['sh', 'env', 'install', 'ln', 'mkdir', 'rm'];
/** What this machine trusts. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PLACES = ['/usr/bin', '/bin'];

/** What this machine lacks for {@link Podman}; null if it lacks nothing. */
export function podmanObstacle(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'podman is tested by root on Linux alone';
  if (spawnSync('podman', ['--version']).error !== undefined) return 'there is no podman: install podman and runc';
  if (spawnSync('ldd', ['--version']).error !== undefined) return 'there is no ldd';
  if (tensorflowParts().length < 2) return 'TensorFlow is not in the cache of this machine';
  return null;
}

/** podman with a storage of its own, in a folder, and two images to build from that are made of this machine. */
export class Podman {
  readonly #folder: string;
  readonly #storage: readonly string[];
  readonly baseImage = 'localhost/base:1';
  readonly buildImage = 'localhost/build:1';
  /** Options of `podman run`: limits that no machine forbids. Those that podman would set may be above what it is allowed to set. */
  readonly limits: readonly string[] = ['--ulimit=nofile=4096:4096', '--ulimit=nproc=4096:4096'];

  /** @param folder is made; everything is in it. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'state')];
    mkdirSync(folder);
  }

  /** The words before a command of podman. */
  get words(): readonly string[] {
    return ['podman', ...this.#storage];
  }

  /**
   * Imports images to build from, since none can be pulled everywhere: this machine's Node with the libraries and programs it takes. The
   * one that TensorFlow is set up in has that of this machine's cache, so that nothing is downloaded and compiled, and an apt-get
   * that does nothing.
   * @returns why no container runs on this machine; null when one does.
   */
  async importImages(): Promise<string | null> {
    const base = join(this.#folder, 'base');
    copyMachine(base);
    await this.#import(this.baseImage, ['-C', base, '.']);
    const into = String.raw`--transform=s,^\(tensorflow\|addon\)-,opt/tensorflow/&,`;
    await this.#import(this.buildImage, ['-C', base, '.', '-C', machineCache(), into, ...tensorflowParts()]);
    await rm(base, { recursive: true });
    const trial = ['run', ...this.limits, '--rm', '--network', 'none', this.baseImage, 'node', '--version'];
    return this.run(...trial).then(
      () => null,
      (error: Error) => `podman starts no container here (${error.message.trim().split('\n').at(-1)})`,
    );
  }

  /** Runs a command of podman to its end. @returns what it printed. */
  run(...args: readonly string[]): Promise<string> {
    return outputOf(...this.words, ...args);
  }

  /** Ends its containers and removes all that it stores. */
  async remove(): Promise<void> {
    await this.run('rm', '--all', '--force', '--time', '0');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #import(image: string, tarWords: readonly string[]): Promise<void> {
    const archive = join(this.#folder, 'image.tar');
    await outputOf('tar', '-cf', archive, ...tarWords);
    await this.run('import', archive, image);
    await rm(archive);
  }
}

async function outputOf(...[program, ...args]: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ended(spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}

function machineCache(): string {
  return cacheDirectory(process.env, process.platform);
}

/** TensorFlow's library and the addon for it, as folders of this machine's cache. */
function tensorflowParts(): readonly string[] {
  const cache = machineCache();
  if (!existsSync(cache)) return [];
  return readdirSync(cache).filter((name) => /^(tensorflow|addon)-.*-linux-/.test(name));
}

/** A root file system with Node, npm and a few programs. */
function copyMachine(root: string): void {
  const into = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  const node = into('usr/local/bin/node');
  copyFileSync(realpathSync(process.execPath), node);
  const npm = realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
  cpSync(dirname(dirname(npm)), into('usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', into('usr/local/bin/npm'));
  // Most packages are in the cache that the build is given; the others come from where this machine has them from.
  const authorities = existsSync(CERTIFICATES) ? `cafile=${CERTIFICATES}\n` : '';
  if (authorities !== '') copyFileSync(CERTIFICATES, into(CERTIFICATES));
  writeFileSync(into('usr/local/etc/npmrc'), `prefer-offline=true\nregistry=${npmRegistry()}\n${authorities}`);
  const programs = PROGRAMS.map((name) => PLACES.map((place) => join(place, name)).find((path) => existsSync(path))!);
  for (const program of programs) copyFileSync(realpathSync(program), into(`bin/${program.split('/').at(-1)}`));
  symlinkSync('/bin/env', into('usr/bin/env'));
  const library = tensorflowParts().find((name) => name.startsWith('tensorflow-'))!;
  const needing = [node, ...programs, join(machineCache(), library, 'lib/libtensorflow_cc.so.2')];
  for (const file of needing.flatMap(librariesOf)) copyFileSync(realpathSync(file), into(file));
  writeFileSync(into('bin/apt-get'), '#!/bin/sh\n');
  chmodSync(into('bin/apt-get'), 0o755);
  writeFileSync(into('etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
  mkdirSync(into('root'));
  mkdirSync(into('tmp'));
  chmodSync(into('tmp'), 0o1777);
}

/** The system's libraries that a program or a library is linked with. */
function librariesOf(file: string): readonly string[] {
  const listed = execFileSync('ldd', [file], { encoding: 'utf8' });
  return (listed.match(/\/\S+/g) ?? []).filter((path) => /^\/(usr\/)?lib/.test(path));
}
