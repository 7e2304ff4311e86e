import type { Replay } from '../src/replay/replay.ts';
import { dateTime } from './text.ts';

/** What the run was trained on: the coordinator's machine, each time it was started, and the workers' engines. */
export function Environment({ replay }: { readonly replay: Replay }) {
  const { turns, workers } = replay;
  const known = turns.filter(({ machine }) => machine !== null);
  const engines = [...new Set(workers.all.map(({ engine }) => engine))];
  if (known.length === 0 && engines.length === 0) return null;
  return (
    <section class="card environment" aria-label="Environment">
      <header>
        <h2>Environment</h2>
      </header>
      <dl>
        {known.map(({ at, step, machine }) => (
          <div key={at}>
            <dt>{step === 0 ? 'Started' : `Resumed after step ${step}`}</dt>
            <dd>
              {dateTime(at)}: Convoy {machine!.convoy}, Node {machine!.node}, {machine!.platform}, {machine!.cores} ×{' '}
              {machine!.cpu}, {Math.round(machine!.memoryBytes / 1e9)} GB of memory
            </dd>
          </div>
        ))}
        {engines.length > 0 && (
          <div>
            <dt>Engines</dt>
            <dd>{engines.join('; ')}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}
