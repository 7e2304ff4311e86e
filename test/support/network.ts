import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of a test's namespaces begin so; the number of the process that made them follows. */
const PREFIX = 'convoy-test-';
/** Where `ip netns exec` looks for the files that a namespace has instead of those in /etc. */
const OWN_FILES = '/etc/netns';
/** A host's only interface, beside its loopback. */
const INTERFACE = 'eth0';

/** What this machine lacks for a {@link Network}; null if it lacks nothing. */
export function networkObstacle(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [tool, ...args] of [
    ['ip', '-V'],
    ['tc', '-V'],
    ['bridge', '-V'],
    ['iptables', '-V'],
  ] as const) {
    if (spawnSync(tool, args).error !== undefined) return `there is no ${tool}: install iproute2 and iptables`;
  }
  const name = `${PREFIX}${process.pid}-trial`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return `this machine makes no network namespaces: ${made.stderr.trim()}`;
  spawnSync('ip', ['netns', 'delete', name]);
  return null;
}

/** Hosts with addresses of their own, on one switch: network namespaces that nothing outside them reaches. */
export class Network {
  readonly #names: readonly string[];
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #switch: string;

  /** @param names of its hosts, a few letters each. */
  constructor(names: readonly string[]) {
    removeAbandoned();
    this.#switch = namespace('switch');
    this.#names = names;
    try {
      run('ip', 'netns', 'add', this.#switch);
      run('ip', '-n', this.#switch, 'link', 'add', 'bridge', 'type', 'bridge');
      run('ip', '-n', this.#switch, 'link', 'set', 'bridge', 'up');
      this.#hosts = new Map(names.map((name, n) => [name, new Host(name, 10 + n, this.#switch)]));
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name} in this network`);
    return host;
  }

  /** What its hosts still run goes on without any network. */
  remove(): void {
    for (const name of this.#names) removeNamespace(namespace(name));
    removeNamespace(this.#switch);
  }
}

/** A machine as far as the network is concerned. */
export class Host {
  /** Its network namespace. */
  readonly space: string;
  /** Words before a command that have it run on this host. */
  readonly through: readonly string[];
  ipv4: string;
  readonly ipv6: string;
  readonly #port: string;
  readonly #switch: string;

  constructor(name: string, number: number, switchSpace: string) {
    this.space = namespace(name);
    this.through = ['ip', 'netns', 'exec', this.space];
    this.ipv4 = `10.0.0.${number}`;
    this.ipv6 = `fd00::${number}`;
    this.#port = `port-${name}`;
    this.#switch = switchSpace;
    run('ip', 'netns', 'add', this.space);
    run(
      ...['ip', '-n', switchSpace, 'link', 'add', this.#port, 'type', 'veth'],
      ...['peer', 'name', INTERFACE, 'netns', this.space],
    );
    run('ip', '-n', switchSpace, 'link', 'set', this.#port, 'master', 'bridge');
    run('ip', '-n', switchSpace, 'link', 'set', this.#port, 'up');
    this.#ip('link', 'set', 'lo', 'up');
    this.#ip('addr', 'add', `${this.ipv4}/24`, 'dev', INTERFACE);
    // Without the second in which it asks whether another has the address.
    this.#ip('addr', 'add', `${this.ipv6}/64`, 'dev', INTERFACE, 'nodad');
    this.#ip('link', 'set', INTERFACE, 'up');
  }

  /** Nothing arrives and nothing leaves: nobody is told. */
  cut(): void {
    run('bridge', '-n', this.#switch, 'link', 'set', 'dev', this.#port, 'state', '0');
  }

  /** What other hosts send it is lost; what it sends arrives. */
  deafen(): void {
    this.#drop('INPUT');
  }

  /** What it sends is lost; what others send it arrives. */
  mute(): void {
    this.#drop('OUTPUT');
  }

  /** Ends what {@link cut}, {@link deafen} and {@link mute} began. */
  heal(): void {
    run('bridge', '-n', this.#switch, 'link', 'set', 'dev', this.#port, 'state', '3');
    for (const program of ['iptables', 'ip6tables']) this.run(program, '--flush');
  }

  /** What it sends and what it is sent takes its time. @param rate of each direction, as tc takes it: 4mbit. */
  slow(rate: string): void {
    const shape = ['root', 'tbf', 'rate', rate, 'burst', '16kb', 'latency', '400ms'];
    run('tc', '-n', this.space, 'qdisc', 'replace', 'dev', INTERFACE, ...shape);
    run('tc', '-n', this.#switch, 'qdisc', 'replace', 'dev', this.#port, ...shape);
  }

  /** It has another address from now on; its connections keep the old one, which leads nowhere. */
  move(ipv4: string): void {
    this.#ip('addr', 'delete', `${this.ipv4}/24`, 'dev', INTERFACE);
    this.ipv4 = ipv4;
    this.#ip('addr', 'add', `${ipv4}/24`, 'dev', INTERFACE);
  }

  /** Has only IPv6 addresses from now on. */
  leaveIpv4(): void {
    this.#ip('-4', 'addr', 'flush', 'dev', INTERFACE);
  }

  /** A file of /etc as this host's commands see it that start from now on; those that run see changes too. */
  file(name: string, text: string): void {
    mkdirSync(join(OWN_FILES, this.space), { recursive: true });
    writeFileSync(join(OWN_FILES, this.space, name), text);
  }

  /** Runs a command on this host to its end. @returns what it printed. */
  run(...command: readonly string[]): string {
    return run(...this.through, ...command);
  }

  #drop(chain: 'INPUT' | 'OUTPUT'): void {
    const peer = chain === 'INPUT' ? '--in-interface' : '--out-interface';
    for (const program of ['iptables', 'ip6tables']) {
      this.run(program, '--append', chain, peer, INTERFACE, '--jump', 'DROP');
    }
  }

  #ip(...args: readonly string[]): void {
    run('ip', '-n', this.space, ...args);
  }
}

function namespace(name: string): string {
  return `${PREFIX}${process.pid}-${name}`;
}

/** A test process that was killed outright has left its namespaces behind. */
function removeAbandoned(): void {
  for (const name of run('ip', 'netns', 'list').split(/\s+/)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeNamespace(name);
  }
}

function removeNamespace(name: string): void {
  spawnSync('ip', ['netns', 'delete', name]);
  rmSync(join(OWN_FILES, name), { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function run(...[program, ...args]: readonly string[]): string {
  return execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
