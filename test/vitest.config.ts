import { mergeConfig } from 'vitest/config';
import { project } from '../vitest.shared.ts';

export default mergeConfig(project('test'), { test: { globalSetup: ['support/shared-folder.ts'] } });
