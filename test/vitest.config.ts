import { project } from '../vitest.shared.ts';

export default project('test', { timeoutMs: 300_000, serial: true });
