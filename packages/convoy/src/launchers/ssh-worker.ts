import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { withoutTokens } from '@convoy/transport/token-source';
import type { RemoteHost } from './hosts-file.ts';
import { remoteScript } from './remote-script.ts';
import { explainEnding } from './ssh-fault.ts';
import type { Ending, WorkerProcess } from './worker-places.ts';

export interface SshWorkerOptions {
  readonly host: RemoteHost;
  /** A simple command of the remote shell that becomes a worker when arguments follow it. */
  readonly command: string;
  /** Arguments of `convoy worker`, the coordinator's address among them. */
  readonly args: readonly string[];
  /** What the worker shows the coordinator; null where nothing is asked for. */
  readonly token: string | null;
  /** Options of ssh, each `Name=value` as in ssh_config(5). */
  readonly sshOptions: readonly string[];
  /** A port of the remote machine's loopback that leads to an address of this side; null without a tunnel. */
  readonly tunnel: { readonly port: number; readonly to: string } | null;
  /** What the worker says. */
  readonly onLine: (line: string) => void;
}

/** A remote worker's end, and why it came where its own words don't say it. */
export interface SshEnding extends Ending {
  readonly why: string | null;
}

/** What ssh is told where the user says nothing else: no questions, and a dead connection is noticed within 15 s. */
const DEFAULTS = [
  'BatchMode=yes',
  'ConnectTimeout=10',
  'ServerAliveInterval=5',
  'ServerAliveCountMax=3',
  'LogLevel=ERROR',
];
/** More of what ssh says than anybody reads. */
const MAX_SAID = 16_384;

/** Starts one worker on another machine by the system's `ssh`, and stays connected to it for as long as it runs. */
export function startBySsh(options: SshWorkerOptions): WorkerProcess & { readonly ended: Promise<SshEnding> } {
  const { host, command, token, onLine } = options;
  const child = spawn('ssh', sshArguments(options), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: withoutTokens(process.env),
    // A group of its own: Ctrl-C reaches this process alone, which asks the workers to leave.
    detached: true,
  });
  // A connection that is gone is told of by the exit code.
  child.stdin.on('error', () => {});
  // Never among the arguments, which everybody on both machines can read.
  child.stdin.write(`${token ?? ''}\n`);
  createInterface({ input: child.stdout }).on('line', onLine);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-MAX_SAID)));
  const ended = new Promise<SshEnding>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'this machine has no ssh: install it' : `can't start ssh: ${error.message}`;
      resolve({ code: null, signal: null, kind: 'final', why });
    });
    // Not 'exit': its last words count.
    child.once('close', (code, signal) => {
      const { kind, why } = explainEnding(host, { code, signal }, said, command);
      resolve({ code, signal, ...(kind !== undefined && { kind }), why });
    });
  });
  return {
    pid: child.pid,
    ended,
    signal(name) {
      if (name === 'SIGKILL') child.kill(name);
      else if (child.stdin.writable) child.stdin.write(`${name.replace(/^SIG/, '')}\n`);
    },
  };
}

function sshArguments({ host, command, args, sshOptions, tunnel }: SshWorkerOptions): string[] {
  const options = [
    // Of an option that is there twice ssh takes the first.
    ...sshOptions,
    ...DEFAULTS,
    ...(tunnel === null ? [] : ['ExitOnForwardFailure=yes', `RemoteForward=127.0.0.1:${tunnel.port} ${tunnel.to}`]),
  ];
  return [
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    ...(host.port === null ? [] : ['-p', String(host.port)]),
    '--',
    host.destination,
    remoteScript({ command, args, dir: host.dir }),
  ];
}
