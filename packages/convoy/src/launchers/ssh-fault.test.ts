import { describe, expect, it } from 'vitest';
import type { RemoteHost } from './hosts-file.ts';
import { NO_FOLDER } from './remote-script.ts';
import { explainEnding } from './ssh-fault.ts';

const host: RemoteHost = { destination: 'ada@a', label: 'a-2222', workers: 1, port: 2222, dir: '/srv/x' };
const explain = (code: number | null, said = '') =>
  explainEnding(host, { code, signal: null }, said, 'npx --yes tfjs-convoy worker');

describe('the end of a worker on another machine', () => {
  it.each([
    ['ada@a: Permission denied (publickey).', 'final', 'takes no key'],
    [
      '@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.',
      'final',
      'another key than before',
    ],
    [
      'No ED25519 host key is known for a.\nHost key verification failed.',
      'final',
      'not known yet: connect once by `ssh -p 2222 ada@a`',
    ],
    ['ssh: Could not resolve hostname a: Name or service not known', 'outage', 'no address is known'],
    ['ssh: connect to host a port 2222: Connection refused', 'outage', 'no ssh server listens'],
    ['ssh: connect to host a port 2222: Connection timed out', 'outage', "can't be reached"],
    ['ssh: connect to host a port 2222: No route to host', 'outage', "can't be reached"],
    ['Timeout, server a not responding.', 'outage', 'the connection was lost (Timeout, server a not responding.)'],
    ['', 'outage', 'the connection was lost'],
    ['Error: remote port forwarding failed for listen port 20001', undefined, 'AllowTcpForwarding'],
    ['command-line: line 0: Bad configuration option: nosuch', 'final', '--ssh-option'],
  ])('is told in words where ssh says "%s"', (said, kind, words) => {
    const explained = explain(255, said);
    expect(explained.kind).toBe(kind);
    expect(explained.why).toContain(words);
  });

  it('is told in words where the machine lacks what is needed', () => {
    expect(explain(NO_FOLDER)).toEqual({ kind: 'final', why: 'there is no folder /srv/x on the host: correct dir=' });
    expect(explain(127).why).toBe(
      'the host\'s shell does not find "npx": install Node.js there, or say where it is with --command',
    );
  });

  it("is left to the worker's own words where it is the worker's", () => {
    for (const code of [0, 1, 6, 137])
      expect(explain(code, 'Connection refused')).toEqual({ kind: undefined, why: null });
  });
});
