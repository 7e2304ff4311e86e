import { randomInt } from 'node:crypto';
import { exitCodes } from '@convoy/protocol/errors';
import { asText } from '@convoy/protocol/messages';
import { HostLog } from './host-log.ts';
import type { RemoteHost } from './hosts-file.ts';
import { isNoise } from './local.ts';
import { startBySsh, type SshEnding } from './ssh-worker.ts';
import { WorkerPlaces, type WorkerExit, type WorkerPlacesOptions } from './worker-places.ts';

export interface RemoteWorkersOptions extends Pick<WorkerPlacesOptions, 'restartMs'> {
  readonly hosts: readonly RemoteHost[];
  /** A simple command of the remote shell that becomes a worker when arguments follow it. */
  readonly command: string;
  /** The coordinator's address. One on this machine's loopback is reached through ssh, by a tunnel for each worker. */
  readonly url: string;
  /** More arguments of `convoy worker`. */
  readonly args: readonly string[];
  /** What a worker that starts now shows the coordinator; null where nothing is asked for. */
  readonly token: () => string | null;
  /** Options of ssh, each `Name=value` as in ssh_config(5). */
  readonly sshOptions: readonly string[];
  /** Where each worker's words are kept: `HOST.1.log`. */
  readonly logFolder: string;
  /** Steps that the run has done so far, where this process knows. */
  readonly stepsDone?: () => number;
  readonly onLine: (line: string) => void;
  readonly onWarning: (line: string) => void;
  /** Told when a worker ended that is not started again: with which of Convoy's exit codes, how many are left, and why. */
  readonly onGone?: (gone: { readonly code: number; readonly left: number; readonly why: string }) => void;
}

/** A machine that does not answer is asked this often, at most and at least. */
const RESTART_MS = { first: 1_000, limit: 30_000 };
/** Of equal outages of a place only these are told, by their count. */
const TELL_AT = new Set([1, 5, 20, 100]);
/** The ports from which a tunnel's is drawn: above those that services have, and below those that systems hand out. */
const TUNNEL_PORTS = [20_000, 32_768] as const;

/** Characters of a line that a worker says: Convoy's own are shorter. */
const MAX_LINE = 2_000;
/** A worker that was let in says so. */
const READY = /: ready: rank \d/;

/** What one worker process after another has in common at one place on a host. */
interface Seat {
  readonly host: RemoteHost;
  /** For people. */
  readonly name: string;
  readonly log: HostLog;
  lastLine: string;
  outage: string | null;
  outages: number;
}

/**
 * Worker processes on other machines, each held by an `ssh` of its own. One that dies is started again; a machine that can't be
 * reached is asked again for as long as it takes.
 */
export class RemoteWorkers extends WorkerPlaces {
  /** @throws OperatorError when the logs can't be kept. */
  constructor(options: RemoteWorkersOptions) {
    const { hosts, logFolder, restartMs = RESTART_MS, onWarning } = options;
    const seats = hosts.flatMap((host) =>
      Array.from({ length: host.workers }, (_, n): Seat => {
        const log = new HostLog(logFolder, `${host.label}.${n + 1}`, onWarning);
        const name = host.workers === 1 ? host.label : `${host.label} (${n + 1})`;
        return { host, name, log, lastLine: '', outage: null, outages: 0 };
      }),
    );
    let ready = 0;
    super({
      count: seats.length,
      restartMs,
      // Who does not know the run takes a worker that was let in for progress.
      stepsDone: options.stepsDone ?? (() => ready),
      start: (place) =>
        start(seats[place]!, options, (line) => {
          if (READY.test(line)) ready++;
        }),
      onExit: (exit) => tell(seats[exit.place]!, exit as WorkerExit & SshEnding, options),
    });
  }
}

function start(seat: Seat, options: RemoteWorkersOptions, hear: (line: string) => void) {
  const { command, token, sshOptions, onLine } = options;
  const { url, tunnel } = reach(new URL(options.url));
  seat.log.add(`starting${tunnel === null ? '' : `, with a tunnel from port ${tunnel.port}`}`);
  return startBySsh({
    host: seat.host,
    command,
    token: token(),
    sshOptions,
    tunnel,
    args: ['--url', url, ...options.args],
    onLine(raw) {
      if (isNoise(raw)) return;
      const line = asText(raw, MAX_LINE);
      seat.log.add(line);
      seat.lastLine = READY.test(line) ? '' : line;
      seat.outages = 0;
      hear(line);
      onLine(`${seat.name}: ${line}`);
    },
  });
}

/** How a worker on another machine gets to an address as this machine knows it. */
export function reach(url: URL): { readonly url: string; readonly tunnel: { port: number; to: string } | null } {
  const isHere = /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);
  if (!isHere) return { url: url.href, tunnel: null };
  const port = randomInt(...TUNNEL_PORTS);
  const to = `${url.hostname}:${url.port || (/^(wss|https):$/.test(url.protocol) ? 443 : 80)}`;
  const there = new URL(url);
  there.hostname = '127.0.0.1';
  there.port = String(port);
  return { url: there.href, tunnel: { port, to } };
}

function tell(seat: Seat, exit: WorkerExit & SshEnding, { onWarning, onGone }: RemoteWorkersOptions): void {
  const { code, signal, kind, why, restartInMs, left } = exit;
  const how = why ?? `ended (${signal ?? `exit code ${code}`})${seat.lastLine && `, with the words: ${seat.lastLine}`}`;
  const next = restartInMs === null ? '; it is not tried again' : `; next try in ${Math.ceil(restartInMs / 1000)} s`;
  seat.log.add(`${how}${next}`);
  seat.outages = kind === 'outage' && how === seat.outage ? seat.outages + 1 : 1;
  seat.outage = kind === 'outage' ? how : null;
  // Who leaves in peace is told of as a worker; at the end of a run all do.
  if (code !== 0 && (kind !== 'outage' || TELL_AT.has(seat.outages))) onWarning(`${seat.name}: ${how}${next}`);
  if (restartInMs === null) onGone?.({ code: ownCode(code), left, why: how });
}

/** Ours are the worker's; those of ssh and of the other shell mean that a host must be mended first. */
function ownCode(code: number | null): number {
  const isOurs = code !== null && Object.values<number>(exitCodes).includes(code);
  return isOurs ? code : exitCodes.network;
}
