import type { WorkerStatus } from '@convoy/protocol/run-status';
import type { Replay } from '../src/replay/replay.ts';
import type { ShownWorker } from '../src/replay/worker-list.ts';
import { clock, dateTime, duration, size, whole } from './text.ts';

const STATES: Readonly<Record<ShownWorker['state'], string>> = {
  here: 'taking part',
  suspect: 'suspect',
  quarantined: 'quarantined',
  gone: 'gone',
};

interface WorkersProps {
  readonly replay: Replay;
  readonly now: number;
  /** What the coordinator says of those that take part, by their ranks: addresses and pace are in no event. */
  readonly live: ReadonlyMap<number, WorkerStatus>;
}

export function Workers({ replay, now, live }: WorkersProps) {
  const { all, hereCount } = replay.workers;
  // A quarantine ends with its time.
  const stateOf = ({ state, quarantinedUntil }: ShownWorker) =>
    state === 'quarantined' && now >= quarantinedUntil! ? 'here' : state;
  const until = (worker: ShownWorker) => worker.leftAt ?? now;
  return (
    <section class="card" aria-label="Workers">
      <header>
        <h2>Workers</h2>
        <span class="count">
          {hereCount} taking part, {all.length - hereCount} gone
        </span>
      </header>
      {all.length === 0 ? (
        <p class="empty">No worker has joined yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of workers">
          <table>
            <thead>
              <tr>
                <th class="number">Rank</th>
                <th>Worker</th>
                <th>State</th>
                <th>Engine</th>
                <th>From</th>
                <th class="number">Samples/s</th>
                <th class="number">Leases done</th>
                <th class="number">Lost or unused</th>
                <th class="number">Memory</th>
                <th>Joined</th>
                <th class="number">Here for</th>
              </tr>
            </thead>
            <tbody>
              {all.map((worker) => {
                const state = stateOf(worker);
                const status = state === 'gone' ? undefined : live.get(worker.rank);
                return (
                  <tr key={worker.workerId} class={state}>
                    <td class="number">{worker.rank}</td>
                    <td>{worker.name}</td>
                    <td>
                      <span class={`state-${state}`}>
                        {state === 'here' && status !== undefined ? status.state : STATES[state]}
                      </span>
                      {state !== 'here' && worker.reason !== null && <small>{worker.reason}</small>}
                    </td>
                    <td>{worker.engine}</td>
                    <td>{status?.origin ?? '–'}</td>
                    <td class="number">
                      {status?.samplesPerSecond == null ? '–' : whole(Math.round(status.samplesPerSecond))}
                    </td>
                    <td class="number">{whole(worker.done)}</td>
                    <td class="number">{worker.lost + worker.discarded}</td>
                    <td class="number">{size(worker.rssBytes)}</td>
                    <td>{clock(worker.joinedAt)}</td>
                    <td class="number">{duration(until(worker) - worker.joinedAt)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function Checkpoints({ replay }: { readonly replay: Replay }) {
  const newest = replay.checkpoints.slice(-20).reverse();
  return (
    <section class="card" aria-label="Checkpoints">
      <header>
        <h2>Checkpoints</h2>
        <span class="count">{replay.checkpoints.length} written; old ones are removed in time</span>
      </header>
      {newest.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of checkpoints">
          <table>
            <thead>
              <tr>
                <th class="number">Step</th>
                <th class="number">Size</th>
                <th>Why</th>
                <th>Written</th>
                <th>Folder</th>
              </tr>
            </thead>
            <tbody>
              {newest.map(({ at, step, bytes, cause, path }) => (
                <tr key={at}>
                  <td class="number">{whole(step)}</td>
                  <td class="number">{size(bytes)}</td>
                  <td>{cause}</td>
                  <td>{dateTime(at)}</td>
                  <td>
                    <code>{path}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function Findings({ replay }: { readonly replay: Replay }) {
  const { findings } = replay;
  if (findings.length === 0) return null;
  const order = [...findings].sort((a, b) => Number(a.clearedAtStep !== null) - Number(b.clearedAtStep !== null));
  return (
    <section class="findings" aria-label="Health">
      {order.map(({ kind, severity, since, step, evidence, advice, clearedAtStep, at }) => (
        <article class={`card finding ${clearedAtStep === null ? severity : 'cleared'}`} key={`${kind} ${at}`}>
          <h2>
            {kind.replaceAll('-', ' ')}
            <small>
              {clearedAtStep === null ? `since step ${since}` : `from step ${since} to ${clearedAtStep}`}, seen at step{' '}
              {step}
            </small>
          </h2>
          <p>{evidence}.</p>
          <p class="advice">Try: {advice}.</p>
        </article>
      ))}
    </section>
  );
}
