import { expect, it } from 'vitest';
import { dashboardCommand } from './dashboard.ts';

it('a link to steer with is of a coordinator alone: a folder of runs is refused, and not served without what was asked for', async () => {
  await expect(dashboardCommand().parseAsync(['runs', '--operator'], { from: 'user' })).rejects.toThrow(
    "--operator needs a coordinator's address in place of a folder",
  );
});
