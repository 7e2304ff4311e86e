/** What a file for `--workload` is made with, see docs/workloads.md. */
export { defineWorkload } from '@convoy/model/workload';
export type { Workload, WorkloadDataset, WorkloadModel } from '@convoy/model/workload';
export type { Architecture } from '@convoy/model/architecture';
export type { Layer, LayerInput } from '@convoy/model/layers';
