import { fileURLToPath } from 'node:url';
import { nodeOptions } from '@convoy/infra/program';
import { run } from './processes.ts';
import type { GrowthCell, GrowthShape } from './growth-cell.ts';

/** A token bucket takes this much at once: more than a packet of loopback, less than a gradient. */
const BURST = '256kb';
const LATENCY = '50ms';

/**
 * Measures a cell over a link of so many Gb/s: loopback in a network namespace of its own, with a token bucket on it. Both
 * directions go through the one bucket, which a step uses in turn.
 * @throws Error where that can't be made: it takes Linux, `unshare` (util-linux), `ip` and `tc` (iproute2), and the right to.
 */
export async function measureOverLink(
  shape: GrowthShape & { readonly gigabitsPerSecond: number },
): Promise<GrowthCell> {
  const program = fileURLToPath(new URL('growth-link.ts', import.meta.url));
  const bucket = `tbf rate ${shape.gigabitsPerSecond * 1000}mbit burst ${BURST} latency ${LATENCY}`;
  const prepare = `ip link set lo up && tc qdisc add dev lo root ${bucket} && exec "$@"`;
  const node = [process.execPath, ...nodeOptions(), program, JSON.stringify(shape)];
  const stdout = await run('unshare', ['--map-root-user', '--net', 'sh', '-c', prepare, 'sh', ...node]);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as GrowthCell;
}
