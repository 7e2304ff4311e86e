import { percent } from '@convoy/protocol/metric';
import type { ShownPrediction } from '@convoy/protocol/run-events';
import type { PredictionList, ShownEvaluation } from '../src/replay/predictions.ts';
import { figure, whole } from './text.ts';

interface SampleCardsProps {
  readonly list: PredictionList;
  readonly evaluation: ShownEvaluation;
  readonly samples: readonly ShownPrediction[];
  readonly label: string;
}

/** Samples as cards: what they look like, what they are, and what the model takes them for. */
export function SampleCards({ list, evaluation, samples, label }: SampleCardsProps) {
  return (
    <ul class="samples" tabIndex={0} aria-label={label}>
      {samples.map((sample) => {
        const { index, truth, top, values, loss } = sample;
        const image = list.imageOf(evaluation, index);
        const name = typeof truth === 'string' ? truth : listOf(truth);
        const isRight = top?.[0]?.class === truth;
        return (
          <li key={index} class={top === undefined ? '' : isRight ? 'right' : 'wrong'}>
            {image === undefined ? (
              list.hasImages && <div class="no-image">no image kept</div>
            ) : (
              <img
                src={image.address}
                width={image.width}
                height={image.height}
                alt={`Sample ${index} of the ${evaluation.purpose}: ${name}`}
              />
            )}
            <div>
              <p class="truth">
                {name}
                <small>
                  sample {whole(index)}, loss {figure(loss)}
                </small>
              </p>
              {top === undefined ? (
                <p>predicted: {listOf(values ?? [])}</p>
              ) : (
                <ol>
                  {top.map((guess) => (
                    <li key={guess.class} class={guess.class === truth ? 'true' : ''}>
                      <span>{guess.class}</span>
                      <i style={{ width: `${Math.round(100 * (guess.probability ?? 0))}%` }} />
                      <b>{guess.probability == null ? '–' : percent(guess.probability)}</b>
                    </li>
                  ))}
                </ol>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function listOf(values: readonly (number | null)[]): string {
  return values.map(figure).join(', ');
}
