import { expect, it } from 'vitest';
import type { RunFact } from '@convoy/protocol/run-events';
import { PeerLog, STRANGER_LIMITS } from './peer-log.ts';

it('PeerLog tells ten facts of strangers a second, and of the rest how many they were', () => {
  const facts: RunFact[] = [];
  const log = new PeerLog(STRANGER_LIMITS, (fact) => facts.push(fact));
  for (let i = 0; i < 1_000; i++) log.note({ type: 'connection-closed', remote: `r:${i}`, reason: 'gone' }, 5_000);
  expect(facts).toHaveLength(10);
  log.tick(5_999);
  expect(facts).toHaveLength(10);
  log.tick(6_000);
  expect(facts.at(-1)).toMatchObject({ type: 'connection-closed', remote: '990 others' });
  log.note({ type: 'worker-rejected', name: 'w', reason: 'data' }, 6_100);
  log.tick(9_000);
  expect(facts.slice(11)).toEqual([{ type: 'worker-rejected', name: 'w', reason: 'data' }]);
});
