import { useEffect, useRef, useState } from 'preact/hooks';
import type { Replay } from '../src/replay/replay.ts';

/** Asked again this often: a link's time ends, and the coordinator may have become another. */
const ASK_EVERY_MS = 60_000;

type Request = 'pause' | 'unpause' | 'checkpoint' | 'drain' | 'stop';

interface Action {
  readonly request: Request;
  readonly label: string;
  readonly title: string;
  /** What happens, and whether it can be undone. */
  readonly text: string;
  readonly confirm: string;
  /** Said when it was granted. */
  readonly done: string;
}

const ACTIONS: Readonly<Record<Request, Action>> = {
  pause: {
    request: 'pause',
    label: 'Pause …',
    title: 'Pause the run?',
    text: 'The step that is being computed is finished, a checkpoint is written, and then nothing is computed. The workers stay connected. You can unpause it at any time; the result stays the same.',
    confirm: 'Pause',
    done: 'The run pauses after this step.',
  },
  unpause: {
    request: 'unpause',
    label: 'Unpause …',
    title: 'Let the run go on?',
    text: 'The workers get work again. You can pause the run again at any time.',
    confirm: 'Unpause',
    done: 'The run goes on.',
  },
  checkpoint: {
    request: 'checkpoint',
    label: 'Checkpoint now …',
    title: 'Write a checkpoint?',
    text: 'A checkpoint is written after the step that is being computed. Training goes on. Old checkpoints are removed as usual.',
    confirm: 'Write it',
    done: 'A checkpoint comes after this step.',
  },
  drain: {
    request: 'drain',
    label: 'Drain a worker …',
    title: 'Drain a worker?',
    text: 'The worker finishes what it holds, leaves, and its process ends. The run goes on with the others. To undo it, start the worker again on its machine.',
    confirm: 'Drain',
    done: 'The worker leaves when it has finished what it holds.',
  },
  stop: {
    request: 'stop',
    label: 'Stop …',
    title: 'Stop the run?',
    text: 'The run ends here, with a checkpoint, and its workers leave. This page ends with it. It can’t be undone here; convoy resume goes on from the checkpoint.',
    confirm: 'Stop the run',
    done: 'The run stops.',
  },
};

/** Buttons that steer a run which is served at this address, for whoever may press them; nobody else sees them. */
export function Actions({ replay, isLive }: { readonly replay: Replay; readonly isLive: boolean }) {
  const maySteer = useSteering(isLive);
  const [open, setOpen] = useState<Action | null>(null);
  const [said, setSaid] = useState('');
  if (!maySteer) return null;
  const workers = replay.workers.all.filter(({ state }) => state !== 'gone');
  const offered: readonly Request[] = [
    replay.isPauseWanted ? 'unpause' : 'pause',
    'checkpoint',
    ...(workers.length === 0 ? [] : (['drain'] as const)),
    'stop',
  ];
  return (
    <section class="card actions" aria-label="Steer the run">
      {offered.map((request) => (
        <button type="button" key={request} onClick={() => setOpen(ACTIONS[request])}>
          {ACTIONS[request].label}
        </button>
      ))}
      <span role="status">{said}</span>
      {open !== null && (
        <Confirmation
          action={open}
          ranks={workers.map(({ rank, name }) => ({ rank, name }))}
          onEnd={(done) => {
            setOpen(null);
            setSaid(done ?? '');
          }}
        />
      )}
    </section>
  );
}

interface ConfirmationProps {
  readonly action: Action;
  readonly ranks: readonly { readonly rank: number; readonly name: string }[];
  /** @param done what was granted, in words; null when nothing was asked for. */
  readonly onEnd: (done: string | null) => void;
}

function Confirmation({ action, ranks, onEnd }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const choice = useRef<HTMLSelectElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current!.showModal();
    return () => {
      // The button may be another's by now.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const ask = async () => {
    setAsking(true);
    setFault(null);
    const refusal = await send(action.request, Number(choice.current?.value ?? NaN));
    setAsking(false);
    if (refusal === null) onEnd(action.done);
    else setFault(refusal);
  };
  return (
    <dialog ref={dialog} aria-labelledby="action-title" aria-describedby="action-text" onClose={() => onEnd(null)}>
      <h2 id="action-title">{action.title}</h2>
      <p id="action-text">{action.text}</p>
      {action.request === 'drain' && (
        <label>
          Worker{' '}
          <select ref={choice}>
            {ranks.map(({ rank, name }) => (
              <option key={rank} value={rank}>
                {rank}: {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <div class="choices">
        <button type="button" autofocus onClick={() => onEnd(null)}>
          Cancel
        </button>
        <button
          type="button"
          class={action.request === 'stop' ? 'confirm harmful' : 'confirm'}
          disabled={isAsking}
          onClick={() => void ask()}
        >
          {action.confirm}
        </button>
      </div>
    </dialog>
  );
}

/** Asks the coordinator. @returns why it was not granted, in words; null when it was. */
async function send(request: Request, rank: number): Promise<string | null> {
  const body = JSON.stringify(request === 'drain' ? { rank } : {});
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`v1/${request}`, { method: 'POST', headers, body }).catch(() => null);
  if (answer === null) return 'Nobody answers at this address.';
  if (answer.ok) return null;
  if (answer.status === 401 || answer.status === 403) {
    return 'This browser may not steer the run any more. Make another link with convoy dashboard ADDRESS --operator.';
  }
  return `Not done: ${(await answer.text()).trim()}.`;
}

/** Whether this browser may steer the run at this address. */
function useSteering(isLive: boolean): boolean {
  const [maySteer, setMaySteer] = useState(false);
  useEffect(() => {
    setMaySteer(false);
    if (!isLive) return;
    let isOver = false;
    const ask = async () => {
      const answer = await fetch('v1/steering').catch(() => null);
      // Whoever serves runs on disk has no such address.
      const may = answer?.ok === true && ((await answer.json()) as { readonly maySteer: boolean }).maySteer;
      if (!isOver) setMaySteer(may);
    };
    void ask();
    const asking = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(asking);
    };
  }, [isLive]);
  return maySteer;
}
