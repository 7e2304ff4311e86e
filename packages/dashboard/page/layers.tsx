import { useMemo, useState } from 'preact/hooks';
import type { Histogram, LayerList, LayerQuantity } from '../src/replay/layers.ts';
import { Chart, type Drawing, type Line } from './chart.tsx';
import { FilterImages } from './filter-images.tsx';
import './layers.css';
import { figure, whole } from './text.ts';

const QUANTITIES: Readonly<Record<LayerQuantity, { readonly name: string; readonly title: string }>> = {
  gradient: { name: 'gradient', title: 'Norm of the gradient, by layer' },
  weights: { name: 'weights', title: 'Norm of the weights, by layer' },
  update: { name: 'update', title: 'Norm of the update, by layer' },
  ratio: { name: 'update / weights', title: 'Update as a part of the weights, by layer' },
};
/** Colours of the style sheet, from the first layer's to the last's. */
const COLORS = 8;
const NEWEST = 'newest';

/** What the layers are like: norms over the run, and filters and weights at a validation. */
export function Layers({ list, theme }: { readonly list: LayerList; readonly theme: string }) {
  const { validated, steps } = list;
  if (steps.length === 0 && validated.length === 0) return null;
  return (
    <section class="layers" aria-label="Layers">
      {steps.length > 0 && <NormsChart list={list} theme={theme} />}
      {validated.length > 0 && <Weights validated={validated} />}
    </section>
  );
}

function NormsChart({ list, theme }: { readonly list: LayerList; readonly theme: string }) {
  const [quantity, setQuantity] = useState<LayerQuantity>('gradient');
  const [zoom, setZoom] = useState<readonly [number, number] | null>(null);
  const { steps, names } = list;
  const lines = names.map((name, index): Line => ({
    label: name,
    color: `--layer-${colorOf(index, names.length)}`,
    look: 'strong',
  }));
  const draw = (): Drawing => {
    const values = names.map((_, index) => list.valuesOf(index, quantity));
    const last = (each: readonly (number | null)[]) => figure(each.findLast((value) => value !== null));
    return { places: steps, values, summary: names.map((name, i) => `${name} ${last(values[i]!)}`).join(', ') };
  };
  return (
    <div class="norms">
      <label class="quantity">
        Show{' '}
        <select
          value={quantity}
          onChange={({ currentTarget }) => setQuantity(currentTarget.value as LayerQuantity)}
          aria-label="Norm to show"
        >
          {Object.entries(QUANTITIES).map(([key, { name }]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Chart
        title={QUANTITIES[quantity].title}
        lines={lines}
        draw={draw}
        range={zoom ?? [steps[0]!, Math.max(steps.at(-1)!, steps[0]! + 1)]}
        isLog
        isTall
        format={figure}
        onZoom={setZoom}
        theme={theme}
      />
    </div>
  );
}

function Weights({ validated }: { readonly validated: LayerList['validated'] }) {
  const [chosen, setChosen] = useState(NEWEST);
  const shown = validated.find(({ step }) => String(step) === chosen) ?? validated.at(-1)!;
  const { filters, histograms } = shown;
  // The page is drawn anew several times a second, and this changes with a validation.
  const drawn = useMemo(
    () => (
      <div class="weights">
        {filters !== null && <FilterImages filters={filters} />}
        <ul class="histograms" aria-label="How the weights are distributed">
          {histograms.map(({ name, histogram }, index) => (
            <Bars key={name} name={name} histogram={histogram} color={colorOf(index, histograms.length)} />
          ))}
        </ul>
      </div>
    ),
    [shown],
  );
  return (
    <div class="card">
      <header>
        <h2>Filters and weights</h2>
        <label>
          after{' '}
          <select value={chosen} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
            <option value={NEWEST}>newest: step {whole(validated.at(-1)!.step)}</option>
            {[...validated].reverse().map(({ step }) => (
              <option key={step} value={String(step)}>
                step {whole(step)}
              </option>
            ))}
          </select>
        </label>
      </header>
      {drawn}
    </div>
  );
}

interface BarsProps {
  readonly name: string;
  readonly histogram: Histogram;
  readonly color: number;
}

function Bars({ name, histogram, color }: BarsProps) {
  const { from, to, counts, sum, sumOfSquares } = histogram;
  const most = Math.max(...counts, 1);
  const weights = counts.reduce((total, count) => total + count, 0);
  const mean = sum / Math.max(1, weights);
  const deviation = Math.sqrt(Math.max(0, sumOfSquares / Math.max(1, weights) - mean * mean));
  const words = `${whole(weights)} weights from ${figure(from)} to ${figure(to)}, mean ${figure(mean)}, standard deviation ${figure(deviation)}`;
  return (
    <li style={{ '--line': `var(--layer-${color})` }}>
      <h3>{name}</h3>
      <svg viewBox={`0 0 ${counts.length} 20`} preserveAspectRatio="none" role="img" aria-label={`${name}: ${words}`}>
        {counts.map((count, bin) => (
          <rect key={bin} x={bin + 0.06} width="0.88" y={20 - (20 * count) / most} height={(20 * count) / most} />
        ))}
      </svg>
      <p class="ends">
        <span>{figure(from)}</span>
        <span>{figure(to)}</span>
      </p>
      <small>
        {whole(weights)} weights, deviation {figure(deviation)}
      </small>
    </li>
  );
}

function colorOf(index: number, count: number): number {
  return count <= COLORS ? index : Math.floor((index * COLORS) / count);
}
