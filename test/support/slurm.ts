import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@convoy/cli/chaos/free-port';

const SCRIPTS = fileURLToPath(new URL('../../infra/slurm/', import.meta.url));
/** The state of a daemon or of a job is looked at this often. */
const LOOK_EVERY_MS = 200;
/** Daemons that don't answer by then are broken. */
const UP_WITHIN_MS = 60_000;

/** What this machine lacks for a {@link Slurm} of its own; null if it lacks nothing. */
export function slurmObstacle(): string | null {
  if (process.getuid?.() !== 0) return "Slurm's daemons need root";
  for (const program of ['munged', 'slurmctld', 'slurmd', 'sbatch', 'srun']) {
    if (spawnSync(program, ['--version']).error !== undefined) {
      return `there is no ${program}: install slurm-wlm and munge`;
    }
  }
  return null;
}

/** A Slurm of one node, with its own daemons, ports and files. Partition `high` preempts partition `low`. */
export class Slurm {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #daemons: ChildProcess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.#env = { ...process.env, SLURM_CONF: join(folder, 'slurm.conf') };
  }

  /** @param folder for its files; `cpus` of its node, however many the machine has. */
  static async start(folder: string, { cpus }: { readonly cpus: number }): Promise<Slurm> {
    const slurm = new Slurm(folder);
    const at = (name: string) => join(folder, name);
    for (const name of ['state', 'spool']) mkdirSync(at(name));
    writeFileSync(at('munge.key'), randomBytes(1024), { mode: 0o400 });
    writeFileSync(at('slurm.conf'), await configuration(folder, cpus));
    const files = ['socket', 'pid-file', 'log-file', 'seed-file'].map((name) => `--${name}=${at(`munge.${name}`)}`);
    slurm.#launch('munged', '--foreground', '--force', `--key-file=${at('munge.key')}`, ...files);
    slurm.#launch('slurmctld', '-D', '-c');
    slurm.#launch('slurmd', '-D', '-N', hostname());
    try {
      const deadlineMs = performance.now() + UP_WITHIN_MS;
      while (slurm.#ask('sinfo', '--noheader', '--format=%T').trim().split('\n')[0] !== 'idle') {
        if (performance.now() > deadlineMs) throw new Error(`this Slurm does not come up:\n${slurm.#logs()}`);
        await look();
      }
    } catch (error) {
      await slurm.stop();
      throw error;
    }
    return slurm;
  }

  /** Submits one of Convoy's scripts. @returns the job's number. */
  submit(script: string, options: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv): string {
    return this.#sbatch([...options, join(SCRIPTS, script), ...args], env);
  }

  /** Submits a job of one command. @returns the job's number. */
  submitCommand(command: string, options: readonly string[]): string {
    return this.#sbatch([...options, '--output=/dev/null', `--wrap=${command}`], {});
  }

  /** Puts a job back into the queue, as its administrator does. */
  requeue(job: string): void {
    this.#ask('scontrol', 'requeue', job);
  }

  /** Waits until a job has ended. @returns what Slurm says of it, e.g. `{ JobState: 'COMPLETED', Restarts: '1' }`. */
  async ended(job: string): Promise<Readonly<Record<string, string>>> {
    for (;;) {
      const [record = ''] = this.#ask('scontrol', 'show', 'job', '--oneliner', job).split('\n');
      const fields = Object.fromEntries(record.split(' ').map((field) => field.split(/=(.*)/s).slice(0, 2)));
      if (/^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$/.test(fields['JobState'] ?? '')) return fields;
      await look();
    }
  }

  /** Waits until a log has a text. */
  async hasSaid(log: string, text: string): Promise<void> {
    while (!this.#read(log).includes(text)) await look();
  }

  /** What the jobs of our scripts have said so far. */
  said(): string {
    const logs = readdirSync(this.#folder).filter((name) => name.startsWith('convoy-'));
    return logs.map((name) => `${name}:\n${this.#read(name)}`).join('\n');
  }

  /** Cancels what runs and ends the daemons. */
  async stop(): Promise<void> {
    const deadlineMs = performance.now() + UP_WITHIN_MS;
    while (performance.now() < deadlineMs) {
      const { status, stdout } = spawnSync('squeue', ['--noheader'], { env: this.#env, encoding: 'utf8' });
      if (status !== 0 || stdout.trim() === '') break;
      spawnSync('scancel', ['--signal=KILL', '--full', '--user=root'], { env: this.#env });
      spawnSync('scancel', ['--user=root'], { env: this.#env });
      await look();
    }
    for (const daemon of this.#daemons.reverse()) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue;
      const gone = new Promise((resolve) => daemon.once('close', resolve));
      daemon.kill('SIGTERM');
      await gone;
    }
  }

  #launch(program: string, ...args: readonly string[]): void {
    this.#daemons.push(spawn(program, args, { env: this.#env, stdio: 'ignore' }));
  }

  #sbatch(args: readonly string[], env: NodeJS.ProcessEnv): string {
    const { status, stdout, stderr } = spawnSync('sbatch', ['--parsable', ...args], {
      env: { ...this.#env, ...env },
      cwd: this.#folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`sbatch ended with ${status}: ${stderr}`);
    return stdout.trim();
  }

  #ask(program: string, ...args: readonly string[]): string {
    return spawnSync(program, args, { env: this.#env, encoding: 'utf8' }).stdout;
  }

  #logs(): string {
    return ['munge.log-file', 'slurmctld.log', 'slurmd.log'].map((name) => this.#read(name)).join('\n');
  }

  /** A file of its folder; nothing while there is none. */
  #read(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), 'utf8');
    } catch {
      return '';
    }
  }
}

async function configuration(folder: string, cpus: number): Promise<string> {
  const at = (name: string) => join(folder, name);
  const node = hostname();
  return `ClusterName=convoy
SlurmctldHost=${node}(127.0.0.1)
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
AuthType=auth/munge
# A requeued job waits for as long as its credential is valid: two minutes where nothing is said.
AuthInfo=socket=${at('munge.socket')},cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('slurmd.pid')}
SlurmctldLogFile=${at('slurmctld.log')}
SlurmdLogFile=${at('slurmd.log')}
# More processors than the machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=${node} NodeAddr=127.0.0.1 CPUs=${cpus}
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 GraceTime=120 MaxTime=INFINITE
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE
`;
}

function look(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
