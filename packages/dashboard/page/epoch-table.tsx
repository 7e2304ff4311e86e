import { useState } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import type { Replay } from '../src/replay/replay.ts';
import { figure, metricFigure, upperFirst, whole } from './text.ts';

/** Rows shown: the newest. */
const SHOWN = 100;

/** What the curves show, in figures: the end of each epoch, and each validation. */
export function EpochTable({ replay }: { readonly replay: Replay }) {
  const [isOpen, setOpen] = useState(false);
  const { epochs, validations, metric } = replay;
  if (epochs.length === 0 && validations.length === 0) return null;
  return (
    <details class="card" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <h2>Figures by epoch</h2>
      </summary>
      {/* Hundreds of cells, which would be rendered with each step. */}
      {isOpen && <Table {...{ epochs, validations, metric }} />}
    </details>
  );
}

function Table({ epochs, validations, metric }: Pick<Replay, 'epochs' | 'validations' | 'metric'>) {
  const trained = new Map(epochs.map((each) => [each.step, each]));
  const validated = new Map(validations.map((each) => [each.step, each]));
  const steps = [...new Set([...trained.keys(), ...validated.keys()])].sort((a, b) => b - a);
  const label = upperFirst(METRIC_LABELS[metric]);
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of figures by epoch">
        <table>
          <thead>
            <tr>
              <th class="number">Step</th>
              <th class="number">Epoch</th>
              <th class="number">Training loss</th>
              <th class="number">{label}</th>
              <th class="number">Validation loss</th>
              <th class="number">{label}</th>
            </tr>
          </thead>
          <tbody>
            {steps.slice(0, SHOWN).map((step) => {
              const [training, validation] = [trained.get(step), validated.get(step)];
              return (
                <tr key={step}>
                  <td class="number">{whole(step)}</td>
                  <td class="number">{whole((training ?? validation!).epoch + 1)}</td>
                  <td class="number">{figure(training?.loss)}</td>
                  <td class="number">{metricFigure(metric, training?.metric)}</td>
                  <td class="number">{figure(validation?.loss)}</td>
                  <td class="number">{metricFigure(metric, validation?.metric)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {steps.length > SHOWN && (
        <p class="empty">
          The newest {SHOWN} of {whole(steps.length)}.
        </p>
      )}
    </>
  );
}
