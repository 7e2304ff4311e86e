import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Host } from './network.ts';

/** Where a host finds the proxy. */
const PORT = 3128;
/** Runs on the host: whatever comes to a port of its loopback goes through a socket in the file system, which this machine's proxy listens to. */
const BRIDGE = `
const { connect, createServer } = require('node:net');
createServer((near) => {
  const far = connect(process.argv[1]);
  for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
  near.pipe(far).pipe(near);
}).listen(${PORT}, '127.0.0.1', () => console.log('listening'));`;

export interface WayOut {
  /** What programs on the host have in their environment to use it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): void;
}

/**
 * A host's way to this machine's package registries, and to whatever else speaks TLS: an HTTP proxy on the host's loopback. The network
 * of the hosts stays apart from this machine's.
 * @param folder for its socket.
 */
export async function wayOut(host: Host, folder: string): Promise<WayOut> {
  const path = join(folder, 'way-out');
  const proxy = createServer((_, response) => response.writeHead(501).end('only CONNECT'));
  const open = new Set<Duplex>();
  proxy.on('connect', ({ url }, near: Socket, head: Buffer) => {
    const { hostname, port } = new URL(`tls://${url}`);
    const far = connect(Number(port), hostname, () => {
      near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
    far.once('error', () => near.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    near.on('error', () => far.destroy());
    for (const end of [near, far]) {
      open.add(end);
      end.once('close', () => open.delete(end));
    }
  });
  await once(proxy.listen(path), 'listening');
  const [program, ...words] = [...host.through, process.execPath, '-e', BRIDGE, path];
  const bridge = spawn(program!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(bridge.stdout, 'data');
  const url = `http://127.0.0.1:${PORT}`;
  return {
    environment: { https_proxy: url, HTTPS_PROXY: url },
    close() {
      bridge.kill('SIGKILL');
      for (const end of open) end.destroy();
      proxy.close();
    },
  };
}
