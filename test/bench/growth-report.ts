import type { GrowthCell } from './growth-cell.ts';
import { machineLine, type Machine } from './machine.ts';
import { bestWorkers, predictStepMs, type StepConstants } from './step-model.ts';
import { spreadText, table } from './table.ts';

export type PredictedCell = GrowthCell & {
  /** By the model; null without constants. */
  readonly predictedMs: number | null;
};

/** A long run, in ten parts. */
export interface Endurance {
  readonly parameters: number;
  readonly workers: number;
  readonly steps: number;
  readonly tenths: readonly { readonly ms: number; readonly slowestMs: number; readonly serverRssBytes: number }[];
}

export interface GrowthResult {
  readonly machine: Machine;
  readonly minutes: number;
  readonly constants: StepConstants | null;
  readonly grid: readonly PredictedCell[];
  readonly crowd: readonly PredictedCell[];
  readonly link: readonly PredictedCell[];
  readonly endurance: Endurance | null;
  readonly failures: readonly string[];
}

/** Seconds that one worker would compute for a global batch. */
const COMPUTE_SECONDS = [1, 10];
const LINKS = [null, 10, 1];

/** The result as Markdown. */
export function growthReport(result: GrowthResult): string {
  const { machine, minutes, constants, grid, crowd, link, endurance, failures } = result;
  const parts = [
    `# Growth\n\n${machineLine(machine)} Steps without computing, ${minutes.toFixed(1)} minutes. Durations are medians with the range of ` +
      'the middle eight tenths; processor time is per step, of one worker where it says worker.',
  ];
  if (grid.length > 0) parts.push('## Parameters and workers', cellTable(grid));
  if (crowd.length > 0) parts.push('## Many workers, small gradients', cellTable(crowd));
  if (link.length > 0) parts.push('## A slow link, both directions on it', cellTable(link));
  if (endurance !== null) parts.push('## Time', enduranceTable(endurance));
  if (constants !== null) {
    const sizes = [...new Set(grid.map(({ parameters }) => parameters))];
    parts.push(
      '## Constants',
      constantTable(constants),
      '## Where one server saturates',
      saturationTable(constants, sizes),
    );
  }
  if (failures.length > 0) parts.push(['## Not measured', ...failures.map((line) => `- ${line}`)].join('\n\n'));
  return `${parts.join('\n\n')}\n`;
}

function cellTable(cells: readonly PredictedCell[]): string {
  const rows = cells.map((cell) => [
    sizeOf(cell.parameters),
    String(cell.workers) + (cell.processes === cell.workers ? '' : ` in ${cell.processes}`),
    cell.gigabitsPerSecond === null ? 'loopback' : `${cell.gigabitsPerSecond} Gb/s`,
    spreadText(cell.ms, 0),
    cell.predictedMs === null ? '–' : cell.predictedMs.toFixed(0),
    cell.predictedMs === null ? '–' : `${percent(cell.predictedMs / cell.ms.median - 1)}`,
    cell.serverCpuMs.toFixed(1),
    cell.workerCpuMs.toFixed(1),
    (cell.serverPageFaults / cell.workers + cell.workerPageFaults).toFixed(0),
    `${(cell.serverRssBytes / 1e9).toFixed(2)} + ${(cell.workersRssBytes / 1e9).toFixed(2)}`,
    String(cell.leasedAgain),
    cell.othersCores === null ? '–' : cell.othersCores.toFixed(1),
  ]);
  const head = [
    'parameters',
    'workers',
    'link',
    'step, ms',
    'predicted',
    'error',
    'server CPU, ms',
    'worker CPU, ms',
    'page faults per worker',
    'memory, GB: server + workers',
    'leased twice',
    'cores used by others',
  ];
  return table(head, rows);
}

function enduranceTable({ parameters, workers, steps, tenths }: Endurance): string {
  const rows = tenths.map(({ ms, slowestMs, serverRssBytes }, n) => [
    `${Math.floor((n * steps) / 10) + 1} to ${Math.floor(((n + 1) * steps) / 10)}`,
    ms.toFixed(1),
    slowestMs.toFixed(0),
    (serverRssBytes / 1e6).toFixed(0),
  ]);
  const text = `${steps} steps of ${workers} workers, ${parameters} parameters:`;
  return `${text}\n\n${table(['steps', 'median, ms', 'slowest, ms', "server's memory, MB"], rows)}`;
}

function constantTable(constants: StepConstants): string {
  const { updateMsPerMB, serveMsPerMB, serveMs, workMsPerMB, workMs } = constants;
  return table(
    ['constant', 'milliseconds of processor time', 'value'],
    [
      ['u', 'server, per step and MB: norm, Adam, encoding', updateMsPerMB.toFixed(2)],
      ['s', 'server, per worker, step and MB: send, receive, check, add', serveMsPerMB.toFixed(2)],
      ['s0', 'server, per worker and step', serveMs.toFixed(2)],
      ['w', 'worker, per step and MB: receive, encode, send', workMsPerMB.toFixed(2)],
      ['w0', 'worker, per step', workMs.toFixed(2)],
    ],
  );
}

function saturationTable(constants: StepConstants, sizes: readonly number[]): string {
  const rows = sizes.flatMap((parameters) =>
    LINKS.map((gigabitsPerSecond) => {
      const cells = COMPUTE_SECONDS.map((seconds) => {
        const shape = { parameters, gigabitsPerSecond, computeMs: 1000 * seconds };
        const workers = bestWorkers(constants, shape);
        const stepMs = predictStepMs(constants, { ...shape, workers, cores: null });
        return `${workers} (${(stepMs / 1000).toFixed(2)} s)`;
      });
      return [sizeOf(parameters), gigabitsPerSecond === null ? 'memory' : `${gigabitsPerSecond} Gb/s`, ...cells];
    }),
  );
  const head = COMPUTE_SECONDS.map((seconds) => `workers for the shortest step that is ${seconds} s of computing`);
  return table(['parameters', "the server's link", ...head], rows);
}

function sizeOf(parameters: number): string {
  return parameters >= 1e6 ? `${parameters / 1e6} M` : parameters.toLocaleString('en');
}

function percent(part: number): string {
  return `${part < 0 ? '−' : '+'}${Math.abs(100 * part).toFixed(0)} %`;
}
