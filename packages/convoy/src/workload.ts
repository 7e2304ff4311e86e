/** What a file for `--workload` is made with, see docs/workloads.md. */
export { defineWorkload } from '@convoy/model/workload';
export type { Workload, WorkloadDataset, WorkloadModel } from '@convoy/model/workload';
export type { Architecture, Layer } from '@convoy/model/architecture';
