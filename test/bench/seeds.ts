// npx tsx test/bench/seeds.ts [--seeds 20] [--first 1] [-- OPTIONS OF convoy train]
//
// Trains with one seed after another and says what each comes to and what was found about its health: a threshold that
// raises an alarm about a sound training shows here. Exits with 1 when one did. Uses CIFAR10_DIR where it is set.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { spreadOf } from './statistics.ts';
import { spreadText, table } from './table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '20' }, first: { type: 'string', default: '1' } },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => Number(values.first) + at);
const dataset = process.env['CIFAR10_DIR'] ? 'cifar10' : 'synthetic';
const folder = temporaryFolder();
const rows: string[][] = [];
const accuracies: number[] = [];
let alarms = 0;
try {
  for (const seed of seeds) {
    const args = ['--dataset', dataset, '--workers', '2', ...positionals, '--seed', String(seed), '--json'];
    const summary = summaryOf(await convoy(['train', ...args, '--run-dir', join(folder.path, String(seed))]));
    const { testAccuracy, testLoss, health } = summary;
    accuracies.push(100 * (testAccuracy ?? NaN));
    alarms += health.filter(({ severity }) => severity === 'alarm').length;
    const found = health.map(({ kind, severity, since }) => `${kind} (${severity}, since step ${since})`);
    rows.push([String(seed), accuracies.at(-1)!.toFixed(2), testLoss?.toFixed(4) ?? '', found.join(', ') || 'nothing']);
    console.error(rows.at(-1)!.join(' · '));
  }
} finally {
  folder.remove();
}
console.log(table(['seed', 'test accuracy, %', 'test loss', 'found'], rows));
console.log(`\n${dataset}: test accuracy ${spreadText(spreadOf(accuracies)!, 2)} %, ${alarms} alarms`);
process.exitCode = alarms === 0 ? 0 : 1;
