import type { ActionReader, ActionRecorder, AdminAction } from '../../ports/adminActions.ts';
import type { BulkTable, SendingSession, Session, SqlDialect } from './dialect.ts';

const table: BulkTable = {
  name: 'admin_actions',
  columns: ['id', 'tenant', 'at', 'who', 'what', 'messages', 'detail'],
  longText: false,
};

export const createActionReader = (read: Session): ActionReader => ({
  list: async ({ tenant, before, limit }) => {
    const rows = await read.query<AdminAction>(
      `select ${table.columns.join(', ')} from admin_actions
       where tenant = ? ${before === undefined ? '' : 'and id < ?'} order by id desc limit ?`,
      [tenant, ...(before === undefined ? [] : [before]), limit],
    );
    return rows.map((row) => ({ ...row }));
  },
});

export const createActionRecorder = (session: SendingSession, dialect: SqlDialect): ActionRecorder => ({
  record: async ({ id, tenant, at, who, what, messages, detail }) => {
    await dialect.insert(session, table, [[id, tenant, at, who, what, messages, detail]]);
  },
});
