import { PROTOCOL_VERSION, type Welcome } from '@convoy/protocol/messages';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import type { RunContext } from './run-context.ts';

/** How often either side shows that it is alive. */
export const HEARTBEAT_INTERVAL_MS = 1_000;

/** What a worker is told of the run when it may prepare for it. */
export function welcomeTo(
  { identity, config, layout }: RunContext,
  rank: number,
  { suspectAfterMs, deadAfterMs }: Pick<CoordinatorOptions, 'suspectAfterMs' | 'deadAfterMs'>,
): Welcome {
  return {
    type: 'welcome',
    protocolVersion: PROTOCOL_VERSION,
    ...identity,
    rank,
    config,
    parameterCount: layout.model.parameterCount,
    // Three chances to be heard before silence is suspicious, however soon that is.
    heartbeatIntervalMs: Math.ceil(Math.min(HEARTBEAT_INTERVAL_MS, suspectAfterMs / 3)),
    silentAfterMs: Math.ceil(deadAfterMs),
  };
}
