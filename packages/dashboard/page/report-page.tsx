import { useMemo } from 'preact/hooks';
import { Replay } from '../src/replay/replay.ts';
import type { SavedRun } from '../src/replay/saved-run.ts';
import { RunView } from './run-page.tsx';
import { SettingList } from './settings.tsx';
import { dateTime, whole } from './text.ts';

/** A run as it stood when its report was written. */
export function ReportPage({ run, theme }: { readonly run: SavedRun; readonly theme: string }) {
  const replay = useMemo(() => {
    const read = new Replay();
    for (const line of run.log.split('\n')) read.readLine(line);
    return read;
  }, [run]);
  const { steps, keptSteps, writtenAt, version } = run;
  return (
    <>
      <RunView replay={replay} feed="saved" now={replay.lastAt ?? writtenAt} theme={theme} />
      <SettingList config={run.config} isOpen />
      <p class="written">
        Written on {dateTime(writtenAt)} by Convoy {version}.
        {keptSteps < steps &&
          ` Of the run’s ${whole(steps)} steps this report has ${whole(keptSteps)}: of each stretch those with the lowest and the highest figures, and the last. Smoothed curves are made of these. All are in events.jsonl.`}
      </p>
    </>
  );
}
