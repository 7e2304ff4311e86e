import { countOf } from '@convoy/protocol/event-words';
import type { Replay } from '../src/replay/replay.ts';
import type { FeedState } from './feed.ts';
import { duration, upperFirst } from './text.ts';

export interface Standing {
  readonly word: string;
  readonly tone: 'good' | 'busy' | 'warn' | 'bad' | 'done';
  /** What is going on, and what one may do about it. */
  readonly text: string;
}

/** A run that trains has an event at least this often. */
const QUIET_MS = 60_000;

interface Viewed {
  readonly feed: FeedState;
  /** Why the door doesn't send the run, in its words. */
  readonly refusal: string | null;
  readonly now: number;
}

/** How the run stands, in words. */
export function standingOf(replay: Replay, { feed, refusal, now }: Viewed): Standing {
  const { state, lastAt, run } = replay;
  if (state.name === 'ended') return endedStanding(state.outcome, state.reason);
  if (feed === 'lost') {
    return {
      word: 'No connection',
      tone: 'warn',
      text:
        refusal !== null
          ? `${upperFirst(refusal)}. What is shown is from before.`
          : `Nobody answers at this address: the run's process has ended, or can't be reached. What is shown is from before. The page goes on by itself when the run is resumed here (convoy resume); convoy dashboard shows ${run} from its folder.`,
    };
  }
  const alarm = replay.activeFindings.find(({ severity }) => severity === 'alarm');
  if (alarm?.kind === 'collapsed' || alarm?.kind === 'diverged') {
    return {
      word: alarm.kind === 'collapsed' ? 'Collapsed' : 'Diverged',
      tone: 'bad',
      text: `${alarm.evidence}. Try: ${alarm.advice}.`,
    };
  }
  switch (state.name) {
    case 'opening':
      return { word: 'Opening', tone: 'busy', text: 'The first step has not been done yet.' };
    case 'waiting':
      return {
        word: 'Waiting for workers',
        tone: 'warn',
        text: `${state.workers} of the ${state.minWorkers} that the run needs are ready. Start workers with the command that the coordinator prints.`,
      };
    case 'stalled':
      return { word: 'Stalled', tone: 'warn', text: `${state.why}.` };
    case 'evaluating':
      return {
        word: 'Evaluating',
        tone: 'good',
        text: `The ${state.purpose} over ${countOf(state.samples, 'sample')} goes on; the next step follows it.`,
      };
    case 'paused':
      return {
        word: 'Paused',
        tone: 'warn',
        text: `Paused ${duration(now - state.at)} ago after step ${replay.step}, with a checkpoint. Unpause it here, or with convoy unpause.`,
      };
    case 'going-back':
      return { word: 'Going back', tone: 'warn', text: `The run collapsed and goes on from step ${state.toStep}.` };
    case 'training': {
      const quietMs = lastAt === null ? 0 : now - lastAt;
      if (quietMs > QUIET_MS) {
        return {
          word: 'Silent',
          tone: 'warn',
          text: `Nothing was written for ${duration(quietMs)}: the coordinator may be gone. Resume the run with convoy resume.`,
        };
      }
      if (replay.isPauseWanted) {
        return { word: 'Pausing', tone: 'busy', text: 'The step that is being computed is finished first.' };
      }
      return { word: 'Training', tone: 'good', text: healthText(replay) };
    }
  }
}

function endedStanding(outcome: 'completed' | 'interrupted' | 'halted', reason: string): Standing {
  const text = `${upperFirst(reason)}.`;
  switch (outcome) {
    case 'completed':
      return { word: 'Completed', tone: 'done', text };
    case 'interrupted':
      return { word: 'Interrupted', tone: 'warn', text: `${text} Go on with convoy resume.` };
    case 'halted':
      return { word: 'Halted', tone: 'bad', text };
  }
}

/** What is the matter with a run that trains; findings stand below it in full. */
function healthText({ activeFindings }: Replay): string {
  const alarm = activeFindings.find(({ severity }) => severity === 'alarm');
  if (alarm !== undefined) return `${alarm.evidence}.`;
  return activeFindings.length === 0 ? 'All is well.' : 'It trains. Something could go better: see below.';
}
