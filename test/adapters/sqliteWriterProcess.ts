import { createInterface } from 'node:readline';
import { openSqliteStores } from '../../src/adapters/sql/openSqliteStores.ts';
import { silentLogger } from '../../src/adapters/system/PinoLogger.ts';
import { systemClock } from '../../src/adapters/system/SystemClock.ts';
import { event, record, stream } from '../contracts/storeFixtures.ts';

/**
 * A second process on a database file. It says `ready`, and obeys the lines it reads:
 * `hold <id>` writes an event inside a transaction that stays open, and says `holding`;
 * `commit` lets that transaction end, and says `committed`, or `refused <error name>` if it could not begin;
 * `fill` writes until a transaction fails, and says `failed <error name> after <n>`.
 */
const [file = ''] = process.argv.slice(2);
const stores = await openSqliteStores({ file, migrate: 'up', clock: systemClock, logger: silentLogger });
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

let release: () => void = () => undefined;

const hold = (id: string): Promise<void> =>
  stores.unitOfWork.transact(async (tx) => {
    await tx.events.append([{ ...stream(id), expected: 'none', events: [event()] }]);
    await tx.idempotency.save([record(id)]);
    say('holding');
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });

const fill = async (): Promise<void> => {
  for (let n = 1; ; n += 1) {
    try {
      await stores.unitOfWork.transact((tx) =>
        tx.events.append([
          { ...stream(`filled-${n}`), expected: 'none', events: [event({ text: 'x'.repeat(20_000) })] },
        ]),
      );
    } catch (failure) {
      say(`failed ${failure instanceof Error ? failure.name : 'unknown'} after ${n - 1}`);
      return;
    }
  }
};

const refused = (failure: unknown): void => say(`refused ${failure instanceof Error ? failure.name : ''}`);

const holding = new Set<Promise<void>>();
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, id = ''] = line.split(' ');
  if (command === 'hold') holding.add(hold(id).then(() => say('committed'), refused));
  if (command === 'commit') release();
  if (command === 'fill') await fill();
}
await Promise.all(holding);
await stores.close();
