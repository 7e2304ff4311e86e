import { metricText } from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import { wordsOf } from '@convoy/dashboard/replay/words';
import type { Colors } from '../colors.ts';

/** An event as a line with its time; null for one that is only figures, unless those are wanted. */
export function toldLine(event: RunEvent, colors: Colors, withFigures: boolean): string | null {
  const words = wordsOf(event);
  if (words === null && !withFigures) return null;
  const time = timeText(event.at);
  if (words === null) return `${time}  ${figuresText(event)}`;
  return `${time}  ${words.isWarning ? colors.yellow(`! ${words.text}`) : words.text}`;
}

function figuresText(event: RunEvent): string {
  if (event.type === 'step') {
    // A loss that was not finite is null in the log.
    const loss = (event.loss as number | null)?.toFixed(4) ?? 'not finite';
    return `Step ${event.step}: loss ${loss}, ${metricText(event)}, ${event.stepMs.toFixed(0)} ms`;
  }
  const { at: _at, type, ...rest } = event;
  return `${type} ${JSON.stringify(rest)}`;
}

/** Local time, as `2026-11-24 05:12:00`. */
function timeText(at: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = new Date(at);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
