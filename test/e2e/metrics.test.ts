import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Convoy, convoy, eventsOf, temporaryFolder } from '../support/convoy.ts';
import { Prometheus, prometheusObstacle } from '../support/prometheus.ts';
import { steps } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const infra = (path: string) => readFileSync(fileURLToPath(new URL(`../../infra/${path}`, import.meta.url)), 'utf8');
const folder = temporaryFolder();
afterAll(folder.remove);
const pathOf = (name: string) => join(folder.path, name);

const obstacle = prometheusObstacle();
if (obstacle !== null)
  it('Prometheus', () => console.info(`NOT CHECKED: /metrics beside a real Prometheus: ${obstacle}`));
else describe('the metrics of a run with tokens and TLS', scraped);

function scraped(): void {
  it('reach a Prometheus configured as in infra/prometheus, as its events have them, with all that the dashboard and the alerts name', async () => {
    const pace = new Pace(folder.path);
    pace.slow(2);
    const [run, tokens, tls] = [pathOf('run'), pathOf('tokens'), pathOf('tls')];
    expect((await convoy(['token', '--file', tokens])).code).toBe(0);
    const [worker, , viewer] = readFileSync(tokens, 'utf8').match(/^c[wov]_\S+/gm)!;
    const coordinator = new Convoy(
      [
        ...['coordinator', ...PACED_SHAPES, '--steps', '100000', '--checkpoint-every', '5', '--run-dir', run],
        ...['--port', '0', '--token-file', tokens, '--tls', 'self-signed', '--tls-dir', tls],
      ],
      pace.env,
    );
    const [, port, fingerprint] = await coordinator.said(/worker --url wss:\S+:(\d+) --tls-fingerprint (\S+)/);
    const to = ['--url', `wss://127.0.0.1:${port}`, '--tls-fingerprint', fingerprint!];
    const working = new Convoy(['worker', ...PACED_SHAPES, ...to, '--threads', '1'], {
      ...pace.env,
      CONVOY_TOKEN: worker!,
    });
    await steps(run, 10);
    const certificate = readFileSync(join(tls, 'cert.pem'), 'utf8');

    const prometheus = await Prometheus.start(pathOf('prometheus'), {
      target: `127.0.0.1:${port}`,
      token: viewer!,
      certificate,
    });
    onTestFinished(() => prometheus.stop());
    const values = await prometheus.scraped('{__name__=~"convoy_.*"}', 'convoy_step');
    const step = values.get('convoy_step')!;
    expect(step).toBeGreaterThanOrEqual(10);
    const event = eventsOf(run).find((event) => event.type === 'step' && event.step === step);
    expect(event).toMatchObject({
      loss: values.get('convoy_loss{split="training"}'),
      learningRate: values.get('convoy_learning_rate'),
      gradientNorm: values.get('convoy_gradient_norm'),
    });
    expect(values.get('convoy_checkpoint_step')).toBeGreaterThanOrEqual(5);
    expect(values.get('convoy_run_state{state="training"}')).toBe(1);

    const exposed = await metricsOf(Number(port), certificate, viewer!);
    const linted = spawnSync('promtool', ['check', 'metrics'], { input: exposed, encoding: 'utf8' });
    expect(linted.stderr + linted.stdout).not.toMatch(/convoy_/);
    const dashboard = infra('grafana/convoy.json');
    const named = (dashboard + infra('prometheus/alerts.yml')).match(/\b(?:convoy|process|nodejs)_[a-z\d_]+/g)!;
    const known = new Set(exposed.match(/^[a-z\d_]+/gm));
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
    const queries = [...dashboard.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, expression]) =>
      (JSON.parse(expression!) as string).replaceAll('$instance', '.*'),
    );
    expect(queries.length).toBeGreaterThan(20);
    for (const query of queries) await prometheus.ask(query);
    // Who has no token is told so, and gets no figure.
    expect(await metricsOf(Number(port), certificate, null)).not.toContain('convoy_step');

    expect((await convoy(['stop', ...to.slice(1), '--token-file', tokens])).code).toBe(0);
    expect([(await coordinator.finished).code, (await working.finished).code]).toEqual([0, 0]);
  });
}

function metricsOf(port: number, ca: string, token: string | null): Promise<string> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) =>
    get({ host: '127.0.0.1', port, path: '/metrics', ca, headers }, (response) => resolve(text(response))).on(
      'error',
      reject,
    ),
  );
}
