import { project } from '../vitest.shared.ts';

export default project('examples', { timeoutMs: 120_000, serial: true });
