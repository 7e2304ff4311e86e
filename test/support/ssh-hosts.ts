import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { freePort } from '@convoy/cli/chaos/free-port';

/** sshd starts itself again for each connection, so it wants to be named by its whole path. */
const SSHD = '/usr/sbin/sshd';
/** Where sshd keeps its unprivileged part, if root runs it: an empty folder that its package makes when a system starts. */
const PRIVILEGE_SEPARATION = '/run/sshd';

/** What this machine lacks for {@link SshHosts}; null if it lacks nothing. */
export function sshObstacle(): string | null {
  for (const [tool, ...args] of [
    ['ssh', '-V'],
    ['ssh-keygen', '-?'],
    [SSHD, '-?'],
  ] as const) {
    if (spawnSync(tool, args).error !== undefined)
      return `there is no ${tool}: install openssh-client and openssh-server`;
  }
  return null;
}

/** ssh servers on ports of this machine's loopback, each with a host key of its own, that let in one key that is made here. */
export class SshHosts {
  /** Options of ssh that make it use that key, and know the hosts. */
  readonly options: readonly string[];
  readonly ports: readonly number[];
  readonly #servers: readonly ChildProcess[];

  private constructor(options: readonly string[], ports: readonly number[], servers: readonly ChildProcess[]) {
    this.options = options;
    this.ports = ports;
    this.#servers = servers;
  }

  /**
   * Resolves when all of them listen.
   * @param folder is made; everything is in it.
   * @param environment what a command on such a host finds beside what it has anyway.
   */
  static async start(folder: string, count: number, environment: Readonly<Record<string, string>>): Promise<SshHosts> {
    mkdirSync(folder);
    if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true });
    const path = (name: string) => join(folder, name);
    const key = (name: string) => {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path(name)]);
      return readFileSync(path(`${name}.pub`), 'utf8');
    };
    writeFileSync(path('authorized_keys'), key('client'), { mode: 0o600 });
    const ports: number[] = [];
    const servers: ChildProcess[] = [];
    let known = '';
    for (let n = 0; n < count; n++) {
      const port = await freePort();
      known += `[127.0.0.1]:${port} ${key(`host-${n}`)}`;
      const settings = [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${path(`host-${n}`)}`,
        `AuthorizedKeysFile ${path('authorized_keys')}`,
        `PidFile none`,
        'UsePAM no',
        'PasswordAuthentication no',
        'PermitRootLogin prohibit-password',
        // The folder lies where everybody may make folders.
        'StrictModes no',
        `SetEnv ${Object.entries(environment)
          .map(([name, value]) => `${name}=${value}`)
          .join(' ')}`,
      ];
      writeFileSync(path(`sshd-${n}`), `${settings.join('\n')}\n`);
      ports.push(port);
      servers.push(await listening(path(`sshd-${n}`)));
    }
    writeFileSync(path('known_hosts'), known);
    const options = [
      `IdentityFile=${path('client')}`,
      'IdentitiesOnly=yes',
      `UserKnownHostsFile=${path('known_hosts')}`,
      'GlobalKnownHostsFile=none',
      'StrictHostKeyChecking=yes',
    ];
    return new SshHosts(options, ports, servers);
  }

  stop(): void {
    for (const server of this.#servers) server.kill();
  }
}

async function listening(settings: string): Promise<ChildProcess> {
  const server = spawn(SSHD, ['-D', '-e', '-f', settings], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      said.push(line);
      if (/^Server listening on/.test(line)) resolve();
    });
    server.on('error', reject);
    server.on('exit', (code) => reject(new Error(`sshd ended (${code}):\n${said.join('\n')}`)));
  });
  return server;
}
