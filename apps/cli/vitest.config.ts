import { project } from '../../vitest.shared.ts';

export default project('cli', { timeoutMs: 30_000 });
