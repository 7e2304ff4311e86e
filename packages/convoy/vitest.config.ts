import { project } from '../../vitest.shared.ts';

export default project('convoy', { timeoutMs: 120_000 });
