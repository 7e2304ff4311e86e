import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './page.css';
import { readAddress } from './address.ts';
import { ComparePage } from './compare-page.tsx';
import { ReportPage } from './report-page.tsx';
import { RunPage } from './run-page.tsx';
import { RunsPage, useRuns } from './runs-page.tsx';
import { readSavedRun } from './saved-run.ts';
import type { SavedRun } from '../src/replay/saved-run.ts';

function Page() {
  const { runs, fault } = useRuns();
  const [address, setAddress] = useState(readAddress);
  const theme = useTheme();
  useEffect(() => {
    const look = () => setAddress(readAddress());
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  const { compared, axis, chosen } = address;
  const isComparing = compared.length > 0;
  const shown = address.run ?? (runs?.length === 1 && !isComparing ? runs[0]!.name : null);
  const title = shown ?? (isComparing ? `${compared.length} runs` : null);
  useEffect(() => {
    document.title = title === null ? 'Convoy' : `${title} · Convoy`;
  }, [title]);
  return (
    <>
      <header class="top">
        <a class="brand" href="#">
          Convoy
        </a>
        {title !== null && runs !== null && runs.length > 1 && (
          <nav aria-label="Runs">
            <a href="#">all {runs.length} runs</a>
          </nav>
        )}
        <button type="button" onClick={theme.toggle}>
          {theme.isDark ? 'Light' : 'Dark'}
        </button>
      </header>
      <main>
        {runs === null ? (
          <p class="empty">{fault ?? 'Looking for runs …'}</p>
        ) : shown !== null ? (
          <RunPage key={shown} name={shown} theme={String(theme.isDark)} />
        ) : isComparing ? (
          <ComparePage key={compared.join('\n')} names={compared} firstAxis={axis} theme={String(theme.isDark)} />
        ) : (
          <RunsPage runs={runs} firstChosen={chosen} />
        )}
      </main>
    </>
  );
}

/** A report, which is the page with one run in it. */
function Report({ run }: { readonly run: SavedRun }) {
  const theme = useTheme();
  useEffect(() => {
    document.title = `${run.name} · Convoy`;
  }, [run.name]);
  return (
    <>
      <header class="top">
        <span class="brand">Convoy</span>
        <button type="button" onClick={theme.toggle}>
          {theme.isDark ? 'Light' : 'Dark'}
        </button>
      </header>
      <main>
        <ReportPage run={run} theme={String(theme.isDark)} />
      </main>
    </>
  );
}

/** The system's colours, unless somebody has chosen others on this page. */
function useTheme(): { readonly isDark: boolean; readonly toggle: () => void } {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setDark(query.matches);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, []);
  // Before anything is drawn in its colours.
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
  return { isDark, toggle: () => setDark(!isDark) };
}

/** Changes a link's secret, which is in the fragment, for a cookie. */
async function useLink(): Promise<void> {
  const secret = new URLSearchParams(location.hash.slice(1)).get('link');
  if (secret === null) return;
  // It is good for nothing from now on, and needs not be in the browser's history.
  history.replaceState(null, '', location.pathname);
  await fetch('v1/session', { method: 'POST', body: JSON.stringify({ secret }) }).catch(() => {});
}

async function begin(): Promise<void> {
  const saved = await readSavedRun();
  if (saved === null) await useLink();
  render(saved === null ? <Page /> : <Report run={saved} />, document.getElementById('app')!);
}

void begin();
