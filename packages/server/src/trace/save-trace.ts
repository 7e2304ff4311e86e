import { join } from 'node:path';
import { writeAtomically } from '@convoy/run-store/write-atomically';
import type { StepTracer } from './step-tracer.ts';
import { TRACE_FILE, traceFileOf } from './trace-file.ts';

/** Writes a trace into the run's folder, and says so. A disk that refuses ends no run. */
export function saveTrace(
  tracer: StepTracer,
  about: { readonly run: string; readonly folder: string; readonly onNote: (line: string) => void },
): void {
  const { run, folder, onNote } = about;
  const path = join(folder, TRACE_FILE);
  try {
    writeAtomically(path, JSON.stringify(traceFileOf(tracer, run)));
    onNote(`trace: ${path}; open it in https://ui.perfetto.dev or chrome://tracing`);
  } catch (error) {
    onNote(`can't write the trace to ${path}: ${(error as Error).message}`);
  }
}
