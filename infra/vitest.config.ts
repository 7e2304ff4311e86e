import { project } from '../vitest.shared.ts';

export default project('infra', { timeoutMs: 60_000 });
