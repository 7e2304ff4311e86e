import { useEffect, useState } from 'preact/hooks';
import { MAX_OVERLAID, type ListedRun } from '../src/replay/listed-run.ts';
import { changeAddress, compareAddress, listAddress, runAddress } from './address.ts';
import { dateTime, metricFigure, whole } from './text.ts';

const NEEDS_LINK =
  'To watch this run you need a link that was not used before. “convoy dashboard” with the address of the coordinator makes one.';
/** A list is asked for anew this often. */
const LIST_EVERY_MS = 5_000;

const COLUMNS = [
  { name: 'Run', of: ({ name }: ListedRun) => name, isNumber: false },
  { name: 'State', of: ({ state }: ListedRun) => state, isNumber: false },
  { name: 'Steps', of: ({ step }: ListedRun) => step, isNumber: true },
  { name: 'Validation', of: ({ validationMetric }: ListedRun) => validationMetric ?? -Infinity, isNumber: true },
  { name: 'Test', of: ({ testMetric }: ListedRun) => testMetric ?? -Infinity, isNumber: true },
  { name: 'Started', of: ({ startedAt }: ListedRun) => startedAt ?? 0, isNumber: false },
] as const;

/** The runs that can be looked at; null until they are known. */
export function useRuns(): { readonly runs: readonly ListedRun[] | null; readonly fault: string | null } {
  const [runs, setRuns] = useState<readonly ListedRun[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    let isOver = false;
    const ask = async () => {
      try {
        const answer = await fetch('v1/runs');
        if (answer.ok) setRuns((await answer.json()) as readonly ListedRun[]);
        setFault(answer.ok ? null : answer.status === 401 ? NEEDS_LINK : (await answer.text()).trim());
      } catch {
        setFault('Nobody answers at this address.');
      }
      if (!isOver) timer = setTimeout(ask, LIST_EVERY_MS);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  return { runs, fault };
}

interface RunsProps {
  readonly runs: readonly ListedRun[];
  /** What the page's address names. */
  readonly firstChosen: readonly string[];
}

/** A list of runs, to search, to sort, and to choose some from. */
export function RunsPage({ runs, firstChosen }: RunsProps) {
  const [words, setWords] = useState('');
  const [column, setColumn] = useState<(typeof COLUMNS)[number]>(COLUMNS[5]);
  const [isUp, setUp] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>(firstChosen);
  useEffect(() => changeAddress(listAddress(chosen)), [chosen]);
  const choose = (name: string) =>
    setChosen((all) => (all.includes(name) ? all.filter((each) => each !== name) : [...all, name]));
  const wanted = words.trim().toLowerCase();
  const sorted = runs
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .sort((a, b) => (isUp ? 1 : -1) * compare(column.of(a), column.of(b)));
  return (
    <section class="card" aria-label="Runs">
      <header>
        <h1>Runs</h1>
        <Choice chosen={chosen} onClear={() => setChosen([])} />
        <input
          type="search"
          placeholder="Search"
          aria-label="Search in names of runs"
          value={words}
          onInput={({ currentTarget }) => setWords(currentTarget.value)}
        />
      </header>
      {sorted.length === 0 ? (
        <p class="empty">{runs.length === 0 ? 'There is no run in this folder yet.' : 'No run has such a name.'}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table of runs">
          <table class="runs">
            <thead>
              <tr>
                <td class="choice">
                  <span class="hidden">Compare</span>
                </td>
                {COLUMNS.map((each) => (
                  <th
                    key={each.name}
                    class={each.isNumber ? 'number' : ''}
                    aria-sort={each === column ? (isUp ? 'ascending' : 'descending') : 'none'}
                  >
                    <button
                      type="button"
                      onClick={() => {
                        setUp(each === column ? !isUp : false);
                        setColumn(each);
                      }}
                    >
                      {each.name}
                      <span aria-hidden="true">{each === column ? (isUp ? ' ↑' : ' ↓') : ''}</span>
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted.map((run) => (
                <tr key={run.name} class={chosen.includes(run.name) ? 'chosen' : ''}>
                  <td class="choice">
                    <label>
                      <input
                        type="checkbox"
                        aria-label={`Compare ${run.name}`}
                        checked={chosen.includes(run.name)}
                        disabled={chosen.length >= MAX_OVERLAID && !chosen.includes(run.name)}
                        onChange={() => choose(run.name)}
                      />
                    </label>
                  </td>
                  <td>
                    <a href={runAddress(run.name)}>{run.name}</a>
                  </td>
                  <td>{run.state}</td>
                  <td class="number">
                    {whole(run.step)} of {whole(run.totalSteps)}
                  </td>
                  <td class="number">{metricFigure(run.metric, run.validationMetric)}</td>
                  <td class="number">{metricFigure(run.metric, run.testMetric)}</td>
                  <td>{run.startedAt === null ? '–' : dateTime(run.startedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** What can be done with the runs that are marked. */
function Choice({ chosen, onClear }: { readonly chosen: readonly string[]; readonly onClear: () => void }) {
  if (chosen.length === 0) return <span class="count">Mark runs to compare them.</span>;
  return (
    <span class="chosen-runs">
      {chosen.length < 2 ? (
        <span class="count">Mark one more to compare them.</span>
      ) : (
        <a class="action" href={compareAddress(chosen)}>
          Compare {chosen.length} runs
        </a>
      )}
      <button type="button" onClick={onClear}>
        Clear
      </button>
      {chosen.length >= MAX_OVERLAID && <span class="count">No more than {MAX_OVERLAID} fit in one picture.</span>}
    </span>
  );
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'string' ? a.localeCompare(String(b)) : a - Number(b);
}
