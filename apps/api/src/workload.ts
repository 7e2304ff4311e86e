/** What a file for `--workload` is made with, see docs/workloads.md. */
export { defineWorkload } from '@convoy/workload/workload';
export type { Workload, WorkloadDataset, WorkloadModel } from '@convoy/workload/workload';
export type { Architecture, Layer } from '@convoy/cifar10/architecture';
