import type { Block } from '@convoy/protocol/messages';
import type { RandomStream } from '@convoy/numerics/random/stream';
import { leavesOf } from '@convoy/numerics/blocks';
import type { Task } from '@convoy/training/coordinator/events';
import { TreeReduction, type Sums } from '@convoy/numerics/reduction';
import { partOf, planEvaluation, planStep } from '@convoy/training/sampling';
import type { Agenda } from './agenda.ts';
import { evaluationOf, gradientOf } from './arithmetic.ts';
import { SimulationFailure } from './failure.ts';
import { Link, type End, type Result, type ServerMessage, type WorkerMessage } from './link.ts';
import type { Problem } from './problem.ts';
import { lengthOf } from './reference.ts';

/** Habits of a worker's process, each a probability in percent. */
export interface Habits {
  /** Its time for one leaf; 30 % more or less each time. */
  readonly msPerLeaf: number;
  /** Goes on with a cancelled lease, and delivers it. */
  readonly ignoresCancel: number;
  /** Sends a result twice. */
  readonly repeats: number;
  /** Comes back from a broken connection without what it was computing. */
  readonly forgets: number;
}

/** What a worker knows of its server before it is connected, and where its messages go. */
interface Server extends End<WorkerMessage> {
  readonly isUp: boolean;
  readonly incarnation: number;
}

export interface WorkerSurroundings {
  readonly agenda: Agenda;
  readonly random: RandomStream;
  readonly problem: Problem;
  readonly server: Server;
}

/** From a lease's arrival until the server has answered its result or it was given back. */
interface Job {
  readonly incarnation: number;
  readonly task: Task;
  readonly block: Block;
  result: Result | null;
  returns: boolean;
}

/** Results that a worker keeps to send again when it shouldn't. */
const REMEMBERED = 4;
const MAX_BACKOFF_MS = 1_500;

/** One worker's process, as apps/worker behaves towards the server, and worse. */
export class SimulatedWorker implements End<ServerMessage> {
  readonly id: string;
  /** The machine that it runs on. */
  readonly origin: string;
  readonly habits: Habits;
  readonly #world: WorkerSurroundings;
  readonly #old: Result[] = [];
  #link: Link | null = null;
  /** Sent on the present connection. */
  #parameters: { readonly step: number; readonly values: number } | null = null;
  #job: Job | null = null;
  #connecting = false;
  #draining = false;
  alive = true;
  /** SIGSTOP until then. */
  standsUntilMs = 0;
  /** No connection can be made before this. */
  unreachableUntilMs = 0;
  /** Its compute never ends, while its connection's thread goes on. */
  hangs = false;
  /** Its gradients are not finite. */
  poisonous = false;
  /** Ends when it is sent away, and calls this: for who comes back under another name. */
  onSentAway: (() => void) | null = null;
  /** Gives back whatever it is leased. */
  shirks = false;

  constructor(id: string, origin: string, habits: Habits, world: WorkerSurroundings) {
    this.id = id;
    this.origin = origin;
    this.habits = habits;
    this.#world = world;
  }

  /** Its process runs and says so every second. */
  get beats(): boolean {
    return this.alive && this.standsUntilMs <= this.#world.agenda.nowMs;
  }

  get isStaying(): boolean {
    return this.alive && !this.#draining;
  }

  get link(): Link | null {
    return this.#link;
  }

  connect(delayMs = 0): void {
    if (this.#connecting || !this.alive) return;
    this.#connecting = true;
    const { agenda, random } = this.#world;
    agenda.after(delayMs + 2 + random.below(60), this.#tryToConnect);
  }

  readonly #tryToConnect = (): void => {
    const { agenda, random, server } = this.#world;
    if (!this.alive) return;
    const untilMs = Math.max(this.standsUntilMs, this.unreachableUntilMs, server.standsUntilMs);
    if (untilMs > agenda.nowMs || !server.isUp) {
      return agenda.at(Math.max(untilMs, agenda.nowMs) + 1 + random.below(MAX_BACKOFF_MS), this.#tryToConnect);
    }
    this.#connecting = false;
    const { incarnation } = server;
    // What another server process leased is nobody's business any more.
    if (this.#job !== null && this.#job.incarnation !== incarnation) this.#job = null;
    if (this.#job !== null && random.below(100) < this.habits.forgets) this.#job = null;
    const job = this.#job;
    this.#parameters = null;
    this.#link = new Link(this.id, agenda, random, { server, worker: this });
    this.#link.sendToServer({
      type: 'ready',
      incarnation,
      holding: job === null ? null : { task: job.task.id, block: job.block },
    });
    this.#deliver();
  };

  receive(link: Link, message: ServerMessage): void {
    if (link !== this.#link) return;
    switch (message.type) {
      case 'parameters':
        this.#parameters = message;
        return;
      case 'lease':
        return this.#start(message.incarnation, message.task, message.block);
      case 'cancel':
        return this.#cancel(message.task, message.block);
      case 'answer':
        if (this.#isJob(message.task, message.block)) this.#finishJob();
        return;
      default:
        message satisfies never;
    }
  }

  disconnected(link: Link): void {
    if (link !== this.#link) return;
    this.#link = null;
    // A process whose compute hangs is started anew when nobody talks to it any more.
    if (this.hangs || this.#draining) return this.kill(false);
    if (this.onSentAway !== null) {
      this.kill(false);
      return this.onSentAway();
    }
    this.connect(this.#world.random.below(MAX_BACKOFF_MS));
  }

  /** Ends the process. Nothing of it comes back. */
  kill(isNoticed: boolean): void {
    this.alive = false;
    this.#job = null;
    this.#link?.closeByWorker('killed', isNoticed);
    this.#link = null;
  }

  /** Gives its connection up and makes another. */
  reconnect(isNoticed: boolean): void {
    this.#link?.closeByWorker('nothing heard', isNoticed);
    this.#link = null;
    this.connect(this.#world.random.below(MAX_BACKOFF_MS));
  }

  /** Finishes what it holds, then leaves. */
  drain(): void {
    this.#draining = true;
    if (this.#job !== null && this.#link !== null) this.#link.sendToServer({ type: 'draining' });
    else this.leave();
  }

  /** Says bye and leaves, whatever it holds. */
  leave(): void {
    this.#link?.sendToServer({ type: 'bye' });
    this.#link?.closeByWorker('goodbye');
    this.alive = false;
    this.#job = null;
    this.#link = null;
  }

  /** Breaks the protocol. */
  talkNonsense(): void {
    this.#link?.sendToServer({ type: 'malformed' });
  }

  /** Sends an old result again, whatever has happened since. */
  replay(): void {
    if (this.#old.length === 0) return;
    this.#link?.sendToServer(this.#old[this.#world.random.below(this.#old.length)]!);
  }

  /** Delivers a block that it was not leased, of the task it was leased last; honest, in case it is leased that very block meanwhile. */
  deliverUnasked(task: Task): void {
    if (this.#parameters?.step !== task.step) return;
    const { random, server } = this.#world;
    const size = 2 ** random.below(3);
    const start = size * random.below(Math.ceil(task.leaves / size));
    this.#link?.sendToServer(this.#compute(server.incarnation, task, { start, size }));
  }

  #isJob(task: number, block: Block): boolean {
    const job = this.#job;
    return job?.task.id === task && job.block.start === block.start && job.block.size === block.size;
  }

  #start(incarnation: number, task: Task, block: Block): void {
    if (this.#job !== null) throw new SimulationFailure(`${this.id} was leased a block while it held another`);
    if (this.#parameters?.step !== task.step) {
      throw new SimulationFailure(
        `${this.id} was leased a block of step ${task.step} with parameters of step ${this.#parameters?.step}`,
      );
    }
    const job: Job = { incarnation, task, block, result: null, returns: false };
    this.#job = job;
    if (this.shirks) {
      job.returns = true;
      return this.#after(1, job, () => this.#deliver());
    }
    // A worker holds the parameters it began with: later ones must not reach into its computation.
    const parameters = this.#parameters;
    const { start, end } = leavesOf(block, task.leaves);
    const percent = 70 + this.#world.random.below(60);
    this.#after(Math.ceil(((end - start) * this.habits.msPerLeaf * percent) / 100), job, () => {
      job.result = this.#compute(incarnation, task, block, parameters.values);
      if (job.returns) return;
      if (this.#old.push(job.result) > REMEMBERED) this.#old.shift();
      this.#deliver();
    });
  }

  #cancel(task: number, block: Block): void {
    const job = this.#job;
    const { random } = this.#world;
    // What is done waits for its answer.
    if (job === null || !this.#isJob(task, block) || job.result !== null) return;
    if (this.hangs || job.returns || random.below(100) < this.habits.ignoresCancel) return;
    job.returns = true;
    this.#after(random.below(Math.ceil(this.habits.msPerLeaf)), job, () => this.#deliver());
  }

  /** Does something with a job when its process has run for so long, if it is still at it. */
  #after(delayMs: number, job: Job, action: () => void): void {
    const { agenda } = this.#world;
    const run = () => {
      if (this.#job !== job || this.hangs) return;
      if (this.standsUntilMs > agenda.nowMs) agenda.at(this.standsUntilMs + 1, run);
      else action();
    };
    agenda.after(delayMs, run);
  }

  #deliver(): void {
    const job = this.#job;
    if (job === null || this.#link === null) return;
    if (job.returns) {
      const { incarnation, task, block } = job;
      this.#link.sendToServer({ type: 'lease-returned', incarnation, task: task.id, block });
      return this.#finishJob();
    }
    if (job.result === null) return;
    this.#link.sendToServer(job.result);
    if (this.#world.random.below(100) < this.habits.repeats) this.#link.sendToServer(job.result);
  }

  #finishJob(): void {
    this.#job = null;
    if (this.#draining) this.leave();
  }

  #compute(incarnation: number, task: Task, block: Block, parameters = this.#parameters!.values): Result {
    const { config, plan } = this.#world.problem;
    const { step, leaves } = task;
    const tree = new TreeReduction(leaves, block);
    const { start, end } = leavesOf(block, leaves);
    const range =
      task.kind === 'gradient'
        ? planStep(step, config, plan).positions
        : planEvaluation(task.purpose, config, plan).indices;
    for (let leaf = start; leaf < end; leaf++) {
      const samples = lengthOf(partOf(range, leaf, leaves));
      const sums: Sums =
        task.kind === 'gradient'
          ? gradientOf(parameters, step, leaf, samples)
          : evaluationOf(parameters, task.purpose, leaf, samples);
      tree.add({ start: leaf, size: 1 }, sums);
    }
    return { type: 'result', incarnation, task: task.id, step, block, sums: tree.total! };
  }
}
