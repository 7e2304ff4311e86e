import { readFileSync } from 'node:fs';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';

/** A machine that workers are started on. */
export interface RemoteHost {
  /** What `ssh` takes: `host` or `user@host`. */
  readonly destination: string;
  /** For people and for names of files: the host, with its port where several lines name it. */
  readonly label: string;
  /** Processes. */
  readonly workers: number;
  /** Null where `ssh` knows it. */
  readonly port: number | null;
  /** The folder that workers are started in; null for the home directory. */
  readonly dir: string | null;
}

const MAX_WORKERS = 1_024;
const FORM = '[user@]host [workers=2] [port=22] [dir=folder]';

/**
 * Reads a file with one host per line: `[user@]host [workers=2] [port=22] [dir=folder]`, and comments after `#`.
 * @throws OperatorError that names the line.
 */
export function readHostsFile(path: string): readonly RemoteHost[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError(error, `can't read the hosts of ${path}`);
  }
  return parseHosts(text, path);
}

/** @param path for messages. */
export function parseHosts(text: string, path: string): readonly RemoteHost[] {
  const hosts: RemoteHost[] = [];
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    const words = line
      .replace(/(^|\s)#.*/, '')
      .split(/\s+/)
      .filter(Boolean);
    if (words.length === 0) continue;
    const refuse = (what: string) => new OperatorError(`${path}, line ${n + 1}: ${what}`);
    const host = parseHost(words, refuse);
    if (hosts.some(({ label }) => label === host.label)) {
      throw refuse(`${host.label} is there already: for more workers on a host write workers=2`);
    }
    hosts.push(host);
  }
  if (hosts.length === 0) throw new OperatorError(`${path} names no host: write one per line, ${FORM}`);
  return hosts;
}

function parseHost([destination, ...pairs]: readonly string[], refuse: (what: string) => Error): RemoteHost {
  const [, user, name] = /^(?:([^@]+)@)?([^@]+)$/.exec(destination!) ?? [];
  // A word that begins with a dash would be an option of ssh.
  if (name === undefined || !/^[\w.:%-]+$/.test(name) || /^-/.test(destination!) || name.startsWith('-')) {
    throw refuse(`"${destination}" is no host: write ${FORM}`);
  }
  if (user !== undefined && !/^[\w.\\-]+$/.test(user)) throw refuse(`"${user}" is no user's name`);
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const [, key, value] = /^(workers|port|dir)=(.+)$/.exec(pair) ?? [];
    if (key === undefined) throw refuse(`"${pair}" means nothing here: write ${FORM}`);
    if (values.has(key)) throw refuse(`${key} is there twice`);
    values.set(key, value!);
  }
  const number = (key: string, highest: number): number | null => {
    const value = values.get(key);
    if (value === undefined) return null;
    if (!/^\d{1,6}$/.test(value) || Number(value) < 1 || Number(value) > highest) {
      throw refuse(`${key} must be a number from 1 to ${highest}, not "${value}"`);
    }
    return Number(value);
  };
  const port = number('port', 65_535);
  return {
    destination: destination!,
    label: port === null ? name : `${name}-${port}`,
    workers: number('workers', MAX_WORKERS) ?? 1,
    port,
    // ssh begins in the home directory, and a quoted ~ would be a folder's name.
    dir: values.get('dir')?.replace(/^~\/?/, '') || null,
  };
}
