import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import type { WorkerStatus } from '@convoy/protocol/run-status';
import { bestOf, Replay } from '../src/replay/replay.ts';
import { Actions } from './actions.tsx';
import { Charts } from './charts.tsx';
import { Environment } from './environment.tsx';
import { EpochTable } from './epoch-table.tsx';
import { EventList } from './event-list.tsx';
import { useLiveWorkers } from './live-workers.ts';
import type { FeedState } from './feed.ts';
import { Layers } from './layers.tsx';
import { Predictions } from './predictions.tsx';
import { Settings } from './settings.tsx';
import { standingOf } from './standing.ts';
import { Checkpoints, Findings, Workers } from './tables.tsx';
import { duration, figure, metricFigure, upperFirst, whole } from './text.ts';
import { TryModel } from './try-model.tsx';
import { useFeed } from './use-feed.ts';

const NOTHING = new Replay();
const NOBODY: ReadonlyMap<number, WorkerStatus> = new Map();

/** A run: what it does, its curves, its workers, what happened. @param name null for the only one. */
export function RunPage({ name, theme }: { readonly name: string | null; readonly theme: string }) {
  const { replays, state, refusal, isAnother, now } = useFeed([name]);
  const replay = replays[0] ?? NOTHING;
  const live = useLiveWorkers(state === 'live' && replay.summary === null);
  if (replay.lines === 0) {
    const lost = refusal === null ? 'Nobody answers at this address. Trying again …' : `${upperFirst(refusal)}.`;
    return <p class="empty">{state === 'lost' ? lost : 'Reading the run …'}</p>;
  }
  return (
    <>
      {isAnother && (
        <p class="notice" role="status">
          Another run has started here, in the place of the one that was shown. This is the new one.
        </p>
      )}
      <RunView
        {...{ replay, feed: state, refusal, now, theme, live }}
        actions={<Actions replay={replay} isLive={state === 'live' && replay.summary === null} />}
      >
        <TryModel run={name} replay={replay} />
      </RunView>
      <Settings name={name} />
    </>
  );
}

interface RunViewProps {
  readonly replay: Replay;
  readonly feed: FeedState;
  readonly refusal?: string | null;
  readonly now: number;
  readonly theme: string;
  /** As of {@link Workers}. */
  readonly live?: ReadonlyMap<number, WorkerStatus>;
  /** What stands after the predictions. */
  readonly children?: ComponentChildren;
  /** What may be done about the run. */
  readonly actions?: ComponentChildren;
}

/** What the events tell of a run: the same on the page and in a report. */
export function RunView({ replay, feed, refusal = null, now, theme, live = NOBODY, children, actions }: RunViewProps) {
  // Time passes also when nothing happens; then they stay as they are.
  const charts = useMemo(
    () => (
      <>
        <Charts replay={replay} theme={theme} live={live} />
        <EpochTable replay={replay} />
        <Layers list={replay.layers} theme={theme} />
        <Predictions list={replay.predictions} />
      </>
    ),
    [replay, replay.lines, theme, live],
  );
  const told = useMemo(
    () => (
      <>
        <EventList replay={replay} />
        <Checkpoints replay={replay} />
      </>
    ),
    [replay, replay.told, replay.told.length],
  );
  return (
    <>
      <Standing replay={replay} feed={feed} refusal={refusal} now={now} />
      {actions}
      <Findings replay={replay} />
      <Figures replay={replay} />
      {charts}
      {children}
      <Workers replay={replay} now={now} live={live} />
      {told}
      <Environment replay={replay} />
    </>
  );
}

interface StandingProps {
  readonly replay: Replay;
  readonly feed: FeedState;
  readonly refusal: string | null;
  readonly now: number;
}

function Standing({ replay, feed, refusal, now }: StandingProps) {
  const { word, tone, text } = standingOf(replay, { feed, refusal, now });
  const { step, totalSteps, stepsPerEpoch, startedAt, lastAt, leftMs, state } = replay;
  const done = totalSteps === 0 ? 0 : Math.min(1, step / totalSteps);
  const epochs = Math.ceil(totalSteps / stepsPerEpoch);
  const until = state.name === 'paused' ? state.at : state.name === 'ended' || feed !== 'live' ? lastAt : now;
  const elapsedMs = startedAt === null || until === null ? null : Math.max(0, until - startedAt - replay.pausedMs);
  const parts = [
    `step ${whole(step)} of ${whole(totalSteps)}`,
    `epoch ${Math.min(epochs, Math.floor(step / stepsPerEpoch) + 1)} of ${epochs}`,
    ...(elapsedMs === null
      ? []
      : [state.name === 'ended' ? `took ${duration(elapsedMs)}` : `${duration(elapsedMs)} so far`]),
    ...(leftMs === null || state.name !== 'training' ? [] : [`about ${duration(leftMs)} left`]),
  ];
  return (
    <section class="card standing" aria-label="State of the run">
      <div class="title">
        <h1>{replay.run}</h1>
        <span class={`pill ${tone}`} role="status">
          {word}
        </span>
      </div>
      <p class="state">{text}</p>
      <div
        class="progress"
        role="progressbar"
        aria-label="Steps done"
        aria-valuemin={0}
        aria-valuemax={totalSteps}
        aria-valuenow={step}
      >
        <i class={tone} style={{ width: `${100 * done}%` }} />
      </div>
      <p class="facts">
        {parts.map((part) => (
          <span key={part}>{part}</span>
        ))}
      </p>
    </section>
  );
}

function Figures({ replay }: { readonly replay: Replay }) {
  const { metric, series, validations, tests, workers } = replay;
  const label = METRIC_LABELS[metric];
  const best = bestOf(validations, metric);
  const last = validations.at(-1);
  const test = tests.at(-1);
  const recent = series.values('samplesPerSecond').slice(-20).sort();
  const tiles = [
    { name: 'Training loss', value: figure(mean(series.values('loss').slice(-20))), note: 'mean of 20 steps' },
    {
      name: `Training ${label}`,
      value: metricFigure(metric, mean(series.values('metric').slice(-20))),
      note: 'mean of 20 steps',
    },
    {
      name: `Validation ${label}`,
      value: metricFigure(metric, last?.metric),
      note: best === null ? 'none yet' : `best ${metricFigure(metric, best.metric)} at step ${whole(best.step)}`,
    },
    test === undefined
      ? {
          name: 'Validation loss',
          value: figure(last?.loss),
          note: last === undefined ? 'none yet' : `at step ${whole(last.step)}`,
        }
      : { name: `Test ${label}`, value: metricFigure(metric, test.metric), note: `loss ${figure(test.loss)}` },
    {
      name: 'Samples per second',
      value: whole(Math.round(recent[recent.length >> 1] ?? 0)),
      note: 'median of 20 steps',
    },
    {
      name: 'Workers',
      value: String(replay.summary?.workers ?? workers.hereCount),
      note: replay.summary === null ? 'taking part now' : 'took part, at most at one time',
    },
  ];
  return (
    <dl class="tiles">
      {tiles.map(({ name, value, note }) => (
        <div class="card" key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <small>{note}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function mean(values: Float64Array): number {
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}
