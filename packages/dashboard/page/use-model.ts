import { useEffect, useRef, useState } from 'preact/hooks';
import type { OfferedModel } from '../src/replay/offered-model.ts';
import type { Answer, Question } from './try-model-messages.ts';

/** What a model took a picture for. */
export interface Verdict {
  readonly model: OfferedModel;
  readonly probabilities: readonly number[];
  /** The picture as the model sees it: red, green, blue and opacity. */
  readonly seen: Uint8ClampedArray<ArrayBuffer>;
}

/** The model that the door has of a run; null while it has none to try. @param checkpoints how many were written: with each it may be another. */
export function useOffer(run: string | null, checkpoints: number): OfferedModel | null {
  const [offered, setOffered] = useState<OfferedModel | null>(null);
  useEffect(() => {
    if (checkpoints === 0) return;
    const stop = new AbortController();
    fetch(`v1/model${queryOf(run)}`, { signal: stop.signal })
      .then((answer) => (answer.ok ? (answer.json() as Promise<OfferedModel>) : null))
      .then(setOffered, () => {});
    return () => stop.abort();
  }, [run, checkpoints]);
  return offered;
}

export interface Trial {
  readonly isBusy: boolean;
  readonly verdict: Verdict | null;
  readonly fault: string | null;
  /** Asks what a model takes a picture for. Of several questions the last one counts. */
  readonly ask: (picture: Blob, model: OfferedModel) => void;
}

/** TensorFlow.js on a thread of its own, which is started with the first question. */
export function useTrial(run: string | null): Trial {
  const worker = useRef<Worker | null>(null);
  const last = useRef<{ readonly id: number; readonly model: OfferedModel } | null>(null);
  const [state, setState] = useState<Omit<Trial, 'ask'>>({ isBusy: false, verdict: null, fault: null });
  useEffect(() => () => worker.current?.terminate(), []);
  const take = (said: Answer) => {
    if (said.id !== last.current!.id) return;
    const { model } = last.current!;
    setState(
      'fault' in said
        ? { isBusy: false, verdict: null, fault: said.fault }
        : { isBusy: false, verdict: { model, probabilities: said.probabilities, seen: said.seen }, fault: null },
    );
  };
  const ask = (picture: Blob, model: OfferedModel) => {
    if (worker.current === null) {
      worker.current = new Worker(document.querySelector<HTMLMetaElement>('meta[name="convoy-try-model"]')!.content);
      worker.current.onmessage = ({ data }: MessageEvent<Answer>) => take(data);
      worker.current.onerror = () =>
        setState({ isBusy: false, verdict: null, fault: 'TensorFlow.js can’t be loaded from this address.' });
    }
    const id = (last.current?.id ?? 0) + 1;
    last.current = { id, model };
    setState((before) => ({ ...before, isBusy: true, fault: null }));
    const { checkpoint, size, channels } = model;
    const address = new URL(`v1/model/${checkpoint}/model.json${queryOf(run)}`, document.baseURI).href;
    worker.current.postMessage({ id, address, picture, size, channels } satisfies Question);
  };
  return { ...state, ask };
}

function queryOf(run: string | null): string {
  return run === null ? '' : `?run=${encodeURIComponent(run)}`;
}
