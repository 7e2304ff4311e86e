import { createServer } from 'node:net';

/** Below Linux's and the IANA's ephemeral ports, and away from Convoy's own. */
const PORTS = { first: 20_000, count: 10_000 } as const;
const ATTEMPTS = 50;

/**
 * A port of 127.0.0.1 that nobody listens on. Not one that the system would give: those it also gives to outgoing
 * connections, so while the coordinator is down a worker could dial itself, or another program take its place.
 */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = PORTS.first + Math.floor(random() * PORTS.count);
    if (await canListen(port)) return port;
  }
  throw new Error(`none of ${ATTEMPTS} ports from ${PORTS.first} on is free`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
