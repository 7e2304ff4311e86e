import { Option } from 'commander';

/** `--workload` of every command that needs a run's model or data. */
export function workloadOption(): Option {
  return new Option('--workload <file>', "a model and data of one's own, as .ts or .js: docs/workloads.md");
}
