import { countOf } from '@convoy/protocol/event-words';
import { asText, ERROR_LENGTH, type Hello, type Ready } from '@convoy/protocol/messages';
import type { RunFact } from '@convoy/protocol/run-events';
import type { CoordinatorOptions } from '@convoy/training/coordinator/options';
import { SAMPLING_VERSION } from '@convoy/training/sampling';
import { closeCodes } from '@convoy/transport/connection';
import type { LostWorkers } from './lost-workers.ts';
import { refusalOfHello, refusalOfNumerics, refusalOfReady, type Refusal } from './admission.ts';
import type { JoinedWorkers } from './joined-workers.ts';
import { NumericsGate } from './numerics-gate.ts';
import { Ranks } from './ranks.ts';
import type { RunContext } from './run-context.ts';
import type { JoinedWorker, PeerSession, SessionEvent } from './session.ts';
import { WorkerSpeed } from './worker-speed.ts';
import { welcomeTo } from './welcome.ts';

export interface ReceptionOptions {
  readonly context: RunContext;
  readonly liveness: Pick<CoordinatorOptions, 'suspectAfterMs' | 'deadAfterMs'>;
  /** The arithmetic that a resumed deterministic run began with. */
  readonly numericsFingerprint: string | null;
  /** Workers that may take part from one address. */
  readonly maxWorkersPerAddress?: number | undefined;
}

/** What a reception asks of the sessions, which it is a part of. */
export interface ReceptionDesk {
  readonly joined: JoinedWorkers;
  readonly lostWorkers: LostWorkers;
  readonly sessions: Iterable<PeerSession>;
  readonly onEvent: (event: SessionEvent) => void;
  /** The peer owes an answer from now on. */
  readonly incurDebt: (session: PeerSession) => void;
  readonly dismiss: (session: PeerSession, code: number, reason: string) => void;
  readonly leave: (worker: JoinedWorker, reason: string) => void;
  readonly reportOfStranger: (fact: RunFact) => void;
  readonly reportOfWorker: (fact: RunFact) => void;
}

/** A quarter of the connections that are taken: one address can't lock the others out. */
const MAX_WORKERS_PER_ADDRESS = 1_024;
/** Time to open or download the data and load the engine. */
const READY_WITHIN_MS = 15 * 60_000;
const OTHERS_FIRST = 'other arithmetic is tried first: connect again';

/** What a peer has shown when it is prepared. */
interface Applicant {
  readonly hello: Hello;
  readonly rank: number;
  readonly ready: Ready;
}

/** Lets workers in: by what they say of themselves, what they have prepared, and whose turn it is to compute. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #desk: ReceptionDesk;
  readonly #ranks = new Ranks();
  readonly #gate: NumericsGate;

  constructor(options: ReceptionOptions, desk: ReceptionDesk) {
    this.#options = options;
    this.#desk = desk;
    this.#gate = new NumericsGate(options.context.config.deterministic, options.numericsFingerprint);
  }

  /** Answers a `hello`. */
  greet(session: PeerSession, hello: Hello): void {
    const { context, liveness } = this.#options;
    const refusal = refusalOfHello(hello, context.config);
    if (refusal !== null) return this.#refuse(session, hello.name, refusal);
    if (this.#isImpostor(session, hello)) return;
    const rank = this.#ranks.of(hello.workerId);
    session.state = { name: 'preparing', hello, rank };
    session.deadlineMs = this.#now + READY_WITHIN_MS;
    session.connection.send(welcomeTo(context, rank, liveness));
  }

  /** Answers a `ready` of this run and incarnation. */
  prepared(session: PeerSession, applicant: Applicant): void {
    const { joined, dismiss, incurDebt } = this.#desk;
    const { hello, ready } = applicant;
    const { model, dataFingerprint } = this.#options.context.layout;
    const terms = { modelHash: model.hash, dataFingerprint, samplingVersion: SAMPLING_VERSION };
    const refusal = refusalOfReady(ready, terms);
    if (refusal !== null) return this.#refuse(session, hello.name, refusal);
    if (this.#isImpostor(session, hello)) return;
    const { holding } = ready;
    if (holding !== null) {
      if (!joined.canHold(hello.workerId, holding)) {
        return dismiss(session, closeCodes.unexpected, 'it says that it holds a lease that it was not given');
      }
      session.connection.admit();
      incurDebt(session);
    }
    this.#admit(session, applicant);
  }

  // ── Whose arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The arithmetic that is in the parameters; null before a step was applied. */
  get numericsFingerprint(): string | null {
    return this.#gate.bound;
  }

  /** A block was taken into a sum. */
  resultCollected(): void {
    this.#gate.progressed(this.#now);
  }

  /** What was computed with the workers' arithmetic is in the parameters: no other may join. */
  bindNumerics(): void {
    if (this.#gate.bind()) this.#askInWhoWaits();
  }

  /** Workers that have given nothing for long make room for those who wait: to be called about once a second. */
  giveWay(): void {
    const { joined, sessions, dismiss, leave } = this.#desk;
    const isAwaited = [...sessions].some(({ state }) => state.name === 'waiting');
    if (!isAwaited || !this.#gate.isOverdue(this.#now)) return;
    for (const worker of [...joined]) {
      if (worker.session === null) leave(worker, OTHERS_FIRST);
      else dismiss(worker.session, closeCodes.goingAway, OTHERS_FIRST);
    }
  }

  /** A worker takes no part any more. With the last of its kind another arithmetic has its turn. */
  workerIsGone(): void {
    if (this.#desk.joined.size > 0 || !this.#gate.free()) return;
    this.#desk.onEvent({ type: 'numerics-changed' });
    this.#askInWhoWaits();
  }

  #askInWhoWaits(): void {
    for (const session of [...this.#desk.sessions]) {
      const { state } = session;
      if (state.name === 'waiting') this.#admit(session, state);
    }
  }

  // ── Admission ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #admit(session: PeerSession, applicant: Applicant): void {
    const { hello, rank, ready } = applicant;
    session.deadlineMs = Infinity;
    switch (this.#gate.judge(ready.numericsFingerprint)) {
      case 'join':
        return this.#join(session, applicant);
      case 'wait':
        session.state = { name: 'waiting', hello, rank, ready };
        return;
      case 'refuse':
        return this.#refuse(session, hello.name, refusalOfNumerics(ready, this.#gate.bound!));
    }
  }

  #join(session: PeerSession, { hello, rank, ready }: Applicant): void {
    const { joined, lostWorkers, dismiss, onEvent, reportOfWorker } = this.#desk;
    const { workerId, name, engine, secret } = hello;
    const known = joined.get(workerId);
    if (known === undefined && this.#isCrowded(session)) {
      return dismiss(session, closeCodes.full, 'as many workers take part from its address as may');
    }
    lostWorkers.back(workerId);
    // Its older connection may be half open: the process behind it is this one, so it is over.
    if (known?.session) this.#supersede(known.session, known);
    const threads = countOf(engine.threads, 'thread');
    const engineText = `${engine.name} ${engine.version}, ${threads}`;
    const { origin } = session.connection;
    const newcomer = () => ({
      workerId,
      rank,
      name,
      engine: engineText,
      origin,
      speed: new WorkerSpeed(),
      session: null,
    });
    const worker: JoinedWorker = known ?? newcomer();
    worker.session = session;
    worker.origin = origin;
    session.state = { name: 'ready', worker };
    session.connection.admit();
    joined.add(worker);
    this.#ranks.remember(workerId, rank, secret ?? null, (id) => joined.get(id) !== undefined);
    this.#gate.joined(ready.numericsFingerprint, this.#now);
    if (known === undefined) {
      reportOfWorker({ type: 'worker-joined', workerId, rank, name, engine: engineText, workers: joined.size });
    }
    // What it held it may have answered while it waited.
    const holding = session.owed > 0 ? ready.holding : null;
    onEvent({ type: 'worker-joined', workerId, origin, holding });
  }

  #isCrowded({ connection }: PeerSession): boolean {
    const { maxWorkersPerAddress = MAX_WORKERS_PER_ADDRESS } = this.#options;
    return !connection.isLocal && this.#desk.joined.countBeside(connection) >= maxWorkersPerAddress;
  }

  #supersede(session: PeerSession, worker: JoinedWorker): void {
    session.state = { name: 'closing' };
    session.connection.close(closeCodes.superseded, 'this worker is here on a newer connection');
    worker.session = null;
    this.#desk.onEvent({ type: 'worker-lost', workerId: worker.workerId, reason: 'it has connected again' });
  }

  /** A worker's id is in the run's log, its secret nowhere: who has the one without the other gets nobody sent away. */
  #isImpostor(session: PeerSession, { workerId, secret }: Hello): boolean {
    if (!this.#ranks.isImpostor(workerId, secret ?? null)) return false;
    this.#desk.dismiss(session, closeCodes.unexpected, 'another process is this worker');
    return true;
  }

  #refuse(session: PeerSession, name: string, { reason, message }: Refusal): void {
    this.#desk.reportOfStranger({ type: 'worker-rejected', name, reason: message });
    session.connection.send({ type: 'reject', reason, message: asText(message, ERROR_LENGTH) });
    this.#desk.dismiss(session, closeCodes.rejected, message);
  }

  get #now(): number {
    return this.#options.context.clock.now();
  }
}
