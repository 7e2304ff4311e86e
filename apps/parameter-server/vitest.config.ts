import { project } from '../../vitest.shared.ts';

export default project('parameter-server', { timeoutMs: 30_000 });
