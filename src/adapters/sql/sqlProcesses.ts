import type { ProcessRegister, RegisteredProcess } from '../../ports/processRegister.ts';
import type { BulkTable, Session, SqlDialect } from './dialect.ts';
import type { SqlWriter } from './SqlWriter.ts';

const table: BulkTable = {
  name: 'consumer_processes',
  columns: ['id', 'beats'],
  longText: false,
  suffix: 'on conflict (id) do update set beats = excluded.beats',
};

export const createProcessRegister = (
  read: Session,
  writer: SqlWriter,
  dialect: SqlDialect,
): ProcessRegister => ({
  beat: ({ id, beats }) => writer.write((session) => dialect.insert(session, table, [[id, beats]])),
  others: (id) =>
    read.query<RegisteredProcess>('select id, beats from consumer_processes where id <> ?', [id]),
  remove: async (ids) => {
    if (ids.length === 0) return;
    await writer.write((session) =>
      session.query(
        `delete from consumer_processes where id in (select c0 from ${dialect.rows(['text'])} r)`,
        [JSON.stringify(ids.map((id) => [id]))],
      ),
    );
  },
});
