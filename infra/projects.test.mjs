import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testedProjects } from './projects.mjs';
import { temporaryDirectory, write } from './tensorflow/clone.fixture.mjs';

test('lists the projects with tests by the name that Nx knows them under', () => {
  const root = temporaryDirectory();
  const manifest = (directory, content) => write(join(root, directory, 'package.json'), JSON.stringify(content));
  manifest('.', { workspaces: ['packages/*', 'apps/*', 'infra'] });
  manifest('packages/training', {
    name: '@convoy/training',
    nx: { name: 'training' },
    scripts: { test: 'vitest run' },
  });
  manifest('packages/untested', { name: '@convoy/untested', scripts: { lint: 'eslint .' } });
  manifest('infra', { name: 'infra', scripts: { test: 'vitest run' } });
  write(join(root, 'packages/README.md'), '');
  expect(testedProjects(root)).toEqual(['infra', 'training']);
});
