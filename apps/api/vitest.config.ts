import { project } from '../../vitest.shared.ts';

export default project('api', { timeoutMs: 120_000 });
