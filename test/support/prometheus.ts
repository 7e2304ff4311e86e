import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@convoy/cli/chaos/free-port';

const CONFIGURATION = fileURLToPath(new URL('../../infra/prometheus', import.meta.url));
/** It is asked this often whether it has scraped. */
const LOOK_EVERY_MS = 200;

/** What this machine lacks for a {@link Prometheus}; null if it lacks nothing. */
export function prometheusObstacle(): string | null {
  for (const program of ['prometheus', 'promtool']) {
    if (spawnSync(program, ['--version']).error !== undefined) return `there is no ${program}: install prometheus`;
  }
  return null;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus with the configuration that the repository has, for one coordinator. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** @param folder is made: everything is in it. */
  static async start(
    folder: string,
    { target, token, certificate }: { target: string; token: string; certificate: string },
  ): Promise<Prometheus> {
    cpSync(CONFIGURATION, folder, { recursive: true });
    const file = join(folder, 'prometheus.yml');
    const settings = readFileSync(file, 'utf8').replace('192.0.2.10:7311', target).replace('5s', '1s');
    writeFileSync(file, settings);
    writeFileSync(join(folder, 'viewer-token'), `${token}\n`);
    writeFileSync(join(folder, 'cert.pem'), certificate);
    const address = `127.0.0.1:${await freePort()}`;
    const options = { 'config.file': file, 'storage.tsdb.path': join(folder, 'data'), 'web.listen-address': address };
    const process = spawn(
      'prometheus',
      Object.entries(options).map(([name, value]) => `--${name}=${value}`),
      { stdio: 'ignore' },
    );
    return new Prometheus(process, `http://${address}`);
  }

  /**
   * Waits until it has scraped a metric.
   * @returns the samples of a query, all of one scrape, by the names and labels that the coordinator gave them.
   */
  async scraped(query: string, metric: string): Promise<ReadonlyMap<string, number>> {
    for (;;) {
      const samples = await this.ask(query).catch(() => []);
      const values = new Map(samples.map((sample) => [nameOf(sample), Number(sample.value[1])]));
      if (values.has(metric)) return values;
      if (this.#process.exitCode !== null) throw new Error(`Prometheus ended with ${this.#process.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** @throws if it does not understand the query. */
  async ask(query: string): Promise<readonly Sample[]> {
    const response = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: readonly Sample[] } };
    if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
    return answer.data.result;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

function nameOf({ metric: { __name__, instance: _instance, job: _job, ...labels } }: Sample): string {
  const text = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return text.length === 0 ? __name__! : `${__name__}{${text.join(',')}}`;
}
