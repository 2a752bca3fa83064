import { expect, test } from 'vitest';
import { OutageLog } from '../../src/adapters/http/OutageLog.ts';
import { recordingLogger } from '../support/recordingLogger.ts';

test('an outage is told of at once, and every ten seconds, with how many more were refused', () => {
  const logger = recordingLogger();
  let now = 1_000_000;
  const outage = new OutageLog({ now: () => now, sleep: async () => {} }, logger);
  const warnings = () => logger.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  for (const path of ['/a', '/b', '/c']) outage.refused({ path });
  expect(warnings()).toEqual([{ path: '/a', othersSince: 0 }]);
  now += 9_999;
  outage.refused({ path: '/d' });
  now += 1;
  outage.refused({ path: '/e' });
  expect(warnings()).toEqual([
    { path: '/a', othersSince: 0 },
    { path: '/e', othersSince: 3 },
  ]);
  now -= 3_600_000; // the wall clock is set back
  outage.refused({ path: '/f' });
  expect(warnings()).toHaveLength(3);
});
