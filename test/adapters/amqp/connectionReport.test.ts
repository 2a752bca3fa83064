import { describe, expect, it } from 'vitest';
import { ConnectionReport } from '../../../src/adapters/amqp/ConnectionReport.ts';
import { recordingLogger } from '../../support/recordingLogger.ts';

describe('a report on the broker connection', () => {
  it.each([
    ['refuses', 'Handshake terminated by server: 403 (ACCESS-REFUSED)'],
    ['refuses', 'Expected ConnectionOpenOk; got <ConnectionClose channel:0>'],
    ['cannot be reached', 'connect ECONNREFUSED 127.0.0.1:5672'],
  ])('says that the broker %s: %s', (what, reason) => {
    const logger = recordingLogger();
    new ConnectionReport(logger, 'publishing').away(reason);
    expect(logger.entries[0]?.message).toContain(what);
  });
});
