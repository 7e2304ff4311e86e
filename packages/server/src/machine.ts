import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import type { Machine } from '@convoy/protocol/run-events';
import { VERSION } from '@convoy/protocol/version';

/** This machine, as a run's log tells of it. */
export function thisMachine(): Machine {
  return {
    convoy: VERSION,
    node: process.versions.node,
    platform: `${platform()} ${arch()}`,
    // Some systems name no processor.
    cpu: cpus()[0]?.model.trim() || arch(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
