// A table an event; a session's two words field by field, as in ours.
import { index, onchainTable } from "ponder";

export const session = onchainTable(
  "session",
  (t) => ({
    id: t.text().primaryKey(),
    connectorId: t.integer().notNull(),
    sequence: t.bigint().notNull(),
    settledAt: t.bigint().notNull(),
    payer: t.bigint().notNull(),
    startedAt: t.bigint().notNull(),
    durationS: t.integer().notNull(),
    idleS: t.integer().notNull(),
    energyWh: t.integer().notNull(),
    gross: t.bigint().notNull(),
    campaignId: t.bigint().notNull(),
    status: t.integer().notNull(),
    reason: t.integer().notNull(),
    paid: t.bigint().notNull(),
    campaignPaid: t.bigint().notNull(),
    debt: t.bigint().notNull(),
    transaction: t.hex().notNull(),
  }),
  (table) => ({ byConnector: index().on(table.connectorId, table.sequence) }),
);

export const run = onchainTable("run", (t) => ({
  id: t.text().primaryKey(),
  word: t.bigint().notNull(),
}));

export const batch = onchainTable("batch", (t) => ({
  id: t.bigint().primaryKey(),
  epoch: t.bigint().notNull(),
  evidenceRoot: t.hex().notNull(),
  sessions: t.bigint().notNull(),
  submitter: t.hex().notNull(),
}));
