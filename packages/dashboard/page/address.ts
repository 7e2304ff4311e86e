import { AXES, type Axis } from '../src/replay/overlay.ts';

/** What the fragment of the page's address names: it can be kept and passed on. */
export interface Address {
  /** The run that is shown. */
  readonly run: string | null;
  /** The runs that are laid over one another. */
  readonly compared: readonly string[];
  readonly axis: Axis;
  /** The runs that are marked in the list. */
  readonly chosen: readonly string[];
}

export function readAddress(): Address {
  const query = new URLSearchParams(location.hash.slice(1));
  const by = query.get('by');
  return {
    run: query.get('run'),
    compared: [...new Set(query.getAll('compare'))],
    axis: AXES.find((axis) => axis === by) ?? 'step',
    chosen: [...new Set(query.getAll('chosen'))],
  };
}

export function runAddress(run: string): string {
  return `#${new URLSearchParams({ run })}`;
}

export function compareAddress(runs: readonly string[], axis: Axis = 'step'): string {
  const by = axis === 'step' ? [] : [['by', axis]];
  return `#${new URLSearchParams([...runs.map((run) => ['compare', run]), ...by])}`;
}

export function listAddress(chosen: readonly string[]): string {
  return `#${new URLSearchParams(chosen.map((run) => ['chosen', run]))}`;
}

/** Changes the address without a new entry in the browser's history. */
export function changeAddress(address: string): void {
  history.replaceState(null, '', address);
}
