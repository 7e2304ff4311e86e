import { useEffect, useRef, useState } from 'preact/hooks';
import { percent } from '@convoy/protocol/metric';
import type { OfferedModel } from '../src/replay/offered-model.ts';
import type { Replay } from '../src/replay/replay.ts';
import { Drawing } from './drawing.tsx';
import { size as sizeText, whole } from './text.ts';
import './try-model.css';
import { useOffer, useTrial, type Verdict } from './use-model.ts';

/** Classes that are shown of an answer. */
const SHOWN = 5;
/** Samples that are offered to be tried. */
const SAMPLES = 8;

/** Shows what the run's model takes a picture for. Nothing where the model isn't one that pictures can be tried with. */
export function TryModel({ run, replay }: { readonly run: string | null; readonly replay: Replay }) {
  const offered = useOffer(run, replay.checkpoints.length);
  const { isBusy, verdict, fault, ask } = useTrial(run);
  /** The model in use: once somebody has tried one, another takes its place only when they want it. */
  const [model, setModel] = useState<OfferedModel | null>(null);
  const [picture, setPicture] = useState<Blob | null>(null);
  const [paper, setPaper] = useState<Blob | null>(null);
  const [isOver, setOver] = useState(false);
  if (offered === null) return null;
  const used = model ?? offered;
  const tryOut = (tried: Blob | null, by = used) => {
    setPicture(tried);
    if (tried === null) return;
    setModel(by);
    ask(tried, by);
  };
  const open = (file: Blob | undefined) => {
    if (file === undefined) return;
    setPaper(file);
    tryOut(file);
  };
  const samples = samplesOf(replay, used);
  return (
    <section
      class={isOver ? 'card try over' : 'card try'}
      aria-label="Try the model"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        open(event.dataTransfer?.files[0]);
      }}
    >
      <header>
        <h2>Try the model</h2>
        <span class="count">
          of step {whole(used.step)}, {used.isBest ? 'the best so far' : 'the newest; none has been validated yet'}
        </span>
        {offered.checkpoint !== used.checkpoint && (
          <button
            type="button"
            onClick={() => {
              setModel(offered);
              if (picture !== null) ask(picture, offered);
            }}
          >
            Use {offered.isBest ? 'the better one' : 'the newer one'}, of step {whole(offered.step)}
          </button>
        )}
      </header>
      <div class="desk">
        <Drawing picture={paper} onDraw={(drawn) => (drawn === null ? setPicture(null) : tryOut(drawn))} />
        <div class="given">
          <label class="file">
            <input
              type="file"
              accept="image/png,image/jpeg,image/webp"
              onChange={({ currentTarget }) => open(currentTarget.files?.[0])}
            />
            Choose a picture
          </label>
          <p>Or drop one here, or draw.</p>
          {samples.length > 0 && (
            <div class="picks" role="group" aria-label="Samples of the run">
              {samples.map(({ index, truth, address }) => (
                <button key={index} type="button" title={truth} onClick={() => open(blobOf(address))}>
                  <img src={address} alt={`Sample ${index}: ${truth}`} />
                </button>
              ))}
            </div>
          )}
        </div>
        <div class="answer" aria-live="polite" aria-busy={isBusy}>
          {fault !== null ? (
            <p class="fault">{fault}</p>
          ) : verdict === null ? (
            <p class="empty">
              {isBusy
                ? `Loading TensorFlow.js and the model, ${sizeText(used.bytes)} …`
                : 'What the model takes your picture for is shown here. It is computed in your browser; the picture stays there.'}
            </p>
          ) : (
            picture !== null && <Answered verdict={verdict} />
          )}
        </div>
      </div>
    </section>
  );
}

function Answered({ verdict }: { readonly verdict: Verdict }) {
  const { model, probabilities, seen } = verdict;
  const ranked = probabilities
    .map((probability, label) => ({ name: model.classNames[label] ?? String(label), probability }))
    .sort((a, b) => b.probability - a.probability);
  const [first] = ranked;
  return (
    <>
      <div class="seen">
        <Seen pixels={seen} size={model.size} />
        <div>
          <p class="first">{first!.name}</p>
          <p>{percent(first!.probability)}</p>
          <small>
            what the model sees: {model.size} × {model.size} pixels
          </small>
        </div>
      </div>
      <ol class="bars">
        {ranked.slice(0, SHOWN).map(({ name, probability }) => (
          <li key={name}>
            <span>{name}</span>
            <i>
              <b style={{ width: `${100 * probability}%` }} />
            </i>
            <span class="number">{percent(probability)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** Every pixel as a square. */
function Seen({ pixels, size }: { readonly pixels: Uint8ClampedArray<ArrayBuffer>; readonly size: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current!.getContext('2d')!.putImageData(new ImageData(pixels, size, size), 0, 0);
  }, [pixels, size]);
  return <canvas ref={canvas} width={size} height={size} role="img" aria-label="The picture as the model sees it" />;
}

/** Those of the newest evaluation that are in the log as the model sees them. */
function samplesOf({ predictions }: Replay, { size }: OfferedModel) {
  const newest = predictions.evaluations.at(-1);
  if (newest === undefined) return [];
  return newest.shown
    .flatMap(({ index, truth }) => {
      const image = predictions.imageOf(newest, index);
      return image?.width === size && image.height === size
        ? [{ index, truth: String(truth), address: image.address }]
        : [];
    })
    .slice(0, SAMPLES);
}

/** The page may fetch nothing from a `data:` address. */
function blobOf(address: string): Blob {
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(',') + 1)), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: 'image/png' });
}
