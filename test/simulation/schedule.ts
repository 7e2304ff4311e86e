import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream, type RandomStream } from '@convoy/numerics/random/stream';
import type { Agenda } from './agenda.ts';
import { SCHEDULES_PER_PROBLEM, type Problem } from './problem.ts';
import type { SimulatedServer } from './simulated-server.ts';
import { SimulatedWorker, type Habits } from './simulated-worker.ts';

export interface Stage {
  readonly agenda: Agenda;
  readonly problem: Problem;
  readonly server: SimulatedServer;
  readonly trace: ((line: string) => void) | null;
}

/** Its own clock tells a worker after this long that nothing comes from the server. */
const WORKER_PATIENCE_MS = 10_000;
const MAX_STRAGGLING = 10;
const SHIRKING_PERCENT = 3;
/** Clusters whose workers all run on one machine. */
const ONE_MACHINE_PERCENT = 30;
const MAX_TAKERS = 20;
/** Checkpoints that an operator asks for in one training, at most. */
const MAX_REQUESTS = 3;
/** Pauses that an operator asks for in one training, at most, and how long one lasts. */
const MAX_PAUSES = 2;
const MAX_PAUSE_MS = 30_000;
const MIN_TROUBLE_MS = 2_000;
const MAX_TROUBLE_MS = 40_000;
/** For quarantines, deadlines that nothing is known for, and back-offs: what may pass after the last fault beside the work itself. */
const PATIENCE_MS = 600_000;

/** What befalls a training: who comes and goes, and what breaks when. All of it follows from the seed. */
export class Schedule {
  readonly #stage: Stage;
  readonly #random: RandomStream;
  readonly #network: RandomStream;
  readonly #character: RandomStream;
  readonly #workers: SimulatedWorker[] = [];
  readonly #adversaries: RandomStream;
  readonly #operator: RandomStream;
  readonly #pauses: RandomStream;
  readonly #msPerLeaf: number;
  readonly #isOneMachine: boolean;
  #nextWorker = 1;
  /** No fault begins or lasts beyond this. */
  #troubleEndsMs = 0;
  /** Every training must have ended by then. */
  readonly deadlineMs: number;

  constructor(seed: number, stage: Stage) {
    this.#stage = stage;
    this.#random = randomStream(seed, purposes.selfTest, 2);
    this.#network = randomStream(seed, purposes.selfTest, 3);
    this.#character = randomStream(seed, purposes.selfTest, 4);
    this.#adversaries = randomStream(seed, purposes.selfTest, 6);
    this.#operator = randomStream(seed, purposes.selfTest, 7);
    this.#pauses = randomStream(seed, purposes.selfTest, 8);
    this.#isOneMachine = this.#adversaries.below(100) < ONE_MACHINE_PERCENT;
    const { agenda, problem, server } = stage;
    const { plan, config, isLarge } = problem;
    this.#msPerLeaf = 15 + this.#below(this.#chance(20) ? 800 : 150);
    const leaves = plan.totalSteps * Math.ceil(config.globalBatchSize / config.microBatchSize);
    const aloneMs = this.#msPerLeaf * leaves;
    const isDisturbed = seed % SCHEDULES_PER_PROBLEM !== 0;

    const count = !isDisturbed ? 1 : isLarge ? 64 : 1 + this.#below(8);
    if (isDisturbed) {
      const usualMs = (aloneMs / count + 150 * plan.totalSteps) * (1 + this.#below(3));
      this.#troubleEndsMs = Math.ceil(Math.min(MAX_TROUBLE_MS, Math.max(MIN_TROUBLE_MS, usualMs)));
      for (let faults = this.#below(isLarge ? 60 : 14); faults > 0; faults--) {
        agenda.at(this.#below(this.#troubleEndsMs), () => this.#strike());
      }
      const adversary = this.#adversaries.below(100);
      const atMs = this.#adversaries.below(this.#troubleEndsMs);
      if (adversary < 15) agenda.at(atMs, () => this.#sendLiars(1 + this.#adversaries.below(3)));
      else if (adversary < 22) agenda.at(atMs, () => this.#sendTakers(2 + this.#adversaries.below(MAX_TAKERS - 1)));
      for (let requests = this.#operator.below(MAX_REQUESTS + 1); requests > 0; requests--) {
        agenda.at(this.#operator.below(this.#troubleEndsMs), () => server.requestCheckpoint());
      }
      for (let pauses = this.#pauses.below(MAX_PAUSES + 1); pauses > 0; pauses--) {
        const fromMs = this.#pauses.below(this.#troubleEndsMs);
        const forMs = this.#pauses.below(MAX_PAUSE_MS);
        agenda.at(fromMs, () => server.requestPause(true));
        agenda.at(Math.min(fromMs + forMs, this.#troubleEndsMs), () => server.requestPause(false));
      }
    }
    for (let n = 0; n < count; n++) this.#hire(this.#chance(60) ? 0 : this.#below(this.#troubleEndsMs + 1));
    agenda.at(this.#troubleEndsMs, () => this.#calm());
    this.deadlineMs = this.#troubleEndsMs + PATIENCE_MS + 4 * MAX_STRAGGLING * aloneMs;
  }

  #below(bound: number): number {
    return this.#random.below(Math.max(1, Math.ceil(bound)));
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  /** A duration of up to `maxMs` that ends with the trouble. */
  #while(maxMs: number): number {
    return Math.min(200 + this.#below(maxMs), this.#troubleEndsMs - this.#stage.agenda.nowMs);
  }

  #hire(delayMs: number): SimulatedWorker {
    const usual = (this.#msPerLeaf * (70 + this.#below(80))) / 100;
    const habits = {
      msPerLeaf: this.#chance(15) ? usual * MAX_STRAGGLING : usual,
      ignoresCancel: this.#chance(30) ? 100 : 20,
      repeats: this.#chance(20) ? 50 : 2,
      forgets: this.#chance(30) ? 100 : 10,
    };
    const worker = this.#employ(habits);
    // One that is hired when the faults are over is needed.
    const isTrial = this.#stage.agenda.nowMs < this.#troubleEndsMs;
    worker.shirks = isTrial && this.#character.below(100) < SHIRKING_PERCENT;
    this.#stage.trace?.(`${worker.id} will connect: ${JSON.stringify(habits)}${worker.shirks ? ', and shirk' : ''}`);
    worker.connect(delayMs);
    return worker;
  }

  #employ(habits: Habits, machine?: string): SimulatedWorker {
    const id = `w${this.#nextWorker++}`;
    const origin = this.#isOneMachine ? 'the machine' : (machine ?? `the machine of ${id}`);
    const worker = new SimulatedWorker(id, origin, habits, { ...this.#stage, random: this.#network });
    this.#workers.push(worker);
    this.#stage.server.employ(worker);
    return worker;
  }

  /** Workers of one or two machines that lie, are sent away, and come back under other names, until the trouble ends. */
  #sendLiars(count: number): void {
    const machines = 1 + this.#adversaries.below(2);
    const send = (machine: string) => {
      const worker = this.#employ(QUICK, machine);
      this.#stage.trace?.(`${worker.id} of ${machine} will connect, and lie`);
      worker.poisonous = true;
      worker.onSentAway = () => {
        if (this.#stage.agenda.nowMs < this.#troubleEndsMs) send(machine);
      };
      worker.connect();
    };
    for (let n = 0; n < count; n++) send(`the machine of liar ${n % machines}`);
  }

  /** Workers that take leases and give nothing. */
  #sendTakers(count: number): void {
    for (let n = 0; n < count; n++) {
      const worker = this.#employ(QUICK);
      this.#stage.trace?.(`${worker.id} will connect, take a lease and give nothing`);
      worker.hangs = true;
      worker.connect();
    }
  }

  /** The faults are over: enough workers are there, or come, that nothing is wrong with. Who hangs or shirks goes on. */
  #calm(): void {
    const { problem, trace } = this.#stage;
    for (const worker of this.#workers) {
      worker.poisonous = false;
      worker.onSentAway = null;
    }
    const healthy = this.#workers.filter((worker) => worker.isStaying && !worker.hangs && !worker.shirks).length;
    trace?.(`the faults are over; ${healthy} workers are healthy`);
    for (let n = healthy; n < problem.options.minWorkers; n++) this.#hire(0);
    if (this.#chance(30)) this.#hire(this.#below(5_000));
  }

  #strike(): void {
    const { server, trace, agenda } = this.#stage;
    if (server.outcome !== null) return;
    const fault = faults[this.#below(faults.length)]!;
    const there = this.#workers.filter(({ alive }) => alive);
    const worker = there.length === 0 ? null : there[this.#below(there.length)]!;
    trace?.(`${fault} (${worker?.id})`);
    switch (fault) {
      case 'join':
        this.#hire(0);
        return;
      case 'leave':
        return worker?.leave();
      case 'drain':
        return worker?.drain();
      case 'kill':
        worker?.kill(this.#chance(70));
        if (this.#chance(60)) this.#hire(this.#below(4_000));
        return;
      case 'lose connection':
        return worker?.link?.sever('reset', this.#chance(30));
      case 'flap':
        if (worker === null) return;
        for (let n = 0; n < 7; n++)
          agenda.after(n * (100 + this.#below(800)), () => worker.link?.sever('reset', false));
        return;
      case 'freeze':
        if (worker !== null) worker.standsUntilMs = agenda.nowMs + this.#while(16_000);
        return;
      case 'hang':
        if (worker !== null) worker.hangs = true;
        return;
      case 'poison':
        if (worker !== null) worker.poisonous = true;
        return;
      case 'nonsense':
        return worker?.talkNonsense();
      case 'replay':
        for (let n = this.#below(6); n >= 0; n--) agenda.after(n * this.#below(500), () => worker?.replay());
        return;
      case 'unasked':
        for (let n = this.#below(6); n >= 0; n--) {
          agenda.after(n * this.#below(500), () => server.task !== null && worker?.deliverUnasked(server.task));
        }
        return;
      case 'partition':
        return this.#partition(there.filter(() => this.#chance(50)));
      case 'everybody loses the connection':
        for (const each of there) each.link?.sever('reset', this.#chance(30));
        return;
      case 'everybody leaves':
        for (const each of there) if (this.#chance(80)) each.kill(this.#chance(70));
        for (let n = this.#below(3); n > 0; n--) this.#hire(this.#below(8_000));
        return;
      case 'server stands still':
        return this.#standStill();
      case 'server crashes':
        if (!server.isUp) return;
        server.crash();
        agenda.after(this.#while(4_000), () => server.start());
        return;
      case 'operator stops':
        if (!server.isUp) return;
        server.stop(this.#chance(50) ? 'stop-requested' : 'halt-requested');
        server.crash();
        agenda.after(this.#while(4_000), () => server.start());
        return;
      default:
        fault satisfies never;
    }
  }

  #partition(workers: readonly SimulatedWorker[]): void {
    const { agenda } = this.#stage;
    const forMs = this.#while(15_000);
    for (const worker of workers) {
      worker.unreachableUntilMs = agenda.nowMs + forMs;
      if (worker.link === null) continue;
      const { link } = worker;
      link.blockedUntilMs = agenda.nowMs + forMs;
      if (forMs > WORKER_PATIENCE_MS) {
        agenda.after(WORKER_PATIENCE_MS, () => worker.link === link && worker.reconnect(this.#chance(50)));
      }
    }
  }

  #standStill(): void {
    const { agenda, server } = this.#stage;
    if (!server.isUp) return;
    const forMs = this.#while(25_000);
    server.standsUntilMs = agenda.nowMs + forMs;
    if (forMs <= WORKER_PATIENCE_MS) return;
    for (const worker of this.#workers) {
      const { link } = worker;
      if (link === null || this.#chance(30)) continue;
      agenda.after(WORKER_PATIENCE_MS, () => worker.link === link && worker.reconnect(true));
    }
  }
}

/** The habits of those who mean no good. */
const QUICK: Habits = { msPerLeaf: 5, ignoresCancel: 0, repeats: 0, forgets: 100 };

/** Drawn with equal chances: what stands here twice comes twice as often. */
const faults = [
  'join',
  'join',
  'leave',
  'drain',
  'kill',
  'kill',
  'lose connection',
  'lose connection',
  'lose connection',
  'flap',
  'freeze',
  'freeze',
  'hang',
  'poison',
  'nonsense',
  'replay',
  'unasked',
  'partition',
  'partition',
  'everybody loses the connection',
  'everybody leaves',
  'server stands still',
  'server stands still',
  'server crashes',
  'server crashes',
  'operator stops',
] as const;
