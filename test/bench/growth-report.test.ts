import { describe, expect, it } from 'vitest';
import { memoryBytes } from './growth-cell.ts';
import { growthPlot } from './growth-plot.ts';
import { growthReport, type GrowthResult, type PredictedCell } from './growth-report.ts';

const cell: PredictedCell = {
  parameters: 1e6,
  workers: 4,
  gigabitsPerSecond: null,
  processes: 2,
  steps: 10,
  ms: { median: 50, low: 45, high: 61 },
  predictedMs: 46,
  serverCpuMs: 30,
  workerCpuMs: 8,
  serverPageFaults: 40,
  workerPageFaults: 3,
  serverRssBytes: 2e8,
  workersRssBytes: 5e8,
  leasedAgain: 0,
  othersCores: 0.25,
};
const result: GrowthResult = {
  machine: { processor: 'P', cores: 2, memoryGB: 24, node: '20', commit: 'abc', date: '2026-11-25' },
  minutes: 1,
  constants: { updateMsPerMB: 1, serveMsPerMB: 2, serveMs: 0, workMsPerMB: 1, workMs: 0 },
  grid: [cell, { ...cell, workers: 8, processes: 8 }],
  crowd: [],
  link: [],
  endurance: null,
  failures: ['25 M parameters, 16 workers: would take more than 12 GB of memory'],
};

describe('the report on growth', () => {
  it('sets what was predicted beside what was measured, and says where workers shared processes', () => {
    expect(growthReport(result)).toContain(
      '| 1 M | 4 in 2 | loopback | 50 (45 to 61) | 46 | −8 % | 30.0 | 8.0 | 13 | 0.20 + 0.50 | 0 | 0.3 |',
    );
  });

  it('says where one server saturates, on its own and behind a link', () => {
    const text = growthReport(result);
    expect(text).toContain('| 1 M | memory | 11 (0.19 s) |');
    expect(text).toContain('| 1 M | 1 Gb/s | 4 (0.51 s) |');
  });

  it('names what was not measured, and is whole without a model', () => {
    expect(growthReport(result)).toContain('- 25 M parameters, 16 workers: would take more than 12 GB of memory');
    const bare = { ...result, constants: null, grid: [{ ...cell, predictedMs: null }] };
    expect(growthReport(bare)).toContain('| 1 M | 4 in 2 | loopback | 50 (45 to 61) | – | – |');
  });

  it('has a plot', () => {
    expect(growthPlot(result)).toMatch(/^<svg/);
  });
});

describe('the memory of a cluster', () => {
  it('is less when workers share processes', () => {
    expect(memoryBytes(25e6, 16, 16)).toBeGreaterThan(12e9);
    expect(memoryBytes(25e6, 16, 8)).toBeLessThan(12e9);
  });
});
