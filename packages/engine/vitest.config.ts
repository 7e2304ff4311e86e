import { project } from '../../vitest.shared.ts';

export default project('engine', { timeoutMs: 120_000 });
