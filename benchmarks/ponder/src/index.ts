// One row an event: no sums, no checks between rows. Layouts: docs/protocol.md, section 1.
import { ponder } from "ponder:registry";
import { batch, run, session } from "ponder:schema";

const bits = (word: bigint, shift: bigint, width: bigint): bigint =>
  (word >> shift) & ((1n << width) - 1n);

ponder.on("Settlement:Session", async ({ event, context }) => {
  const { session: outcome, word } = event.args as { session: bigint; word: bigint };
  await context.db.insert(session).values({
    id: event.id,
    connectorId: Number(outcome >> 224n),
    sequence: bits(outcome, 160n, 64n),
    settledAt: event.block.timestamp,
    payer: word >> 216n,
    startedAt: bits(word, 184n, 32n),
    durationS: Number(bits(word, 164n, 20n)),
    idleS: Number(bits(word, 144n, 20n)),
    energyWh: Number(bits(word, 120n, 24n)),
    gross: bits(word, 80n, 40n),
    campaignId: bits(word, 48n, 32n),
    status: Number(bits(outcome, 152n, 8n)),
    reason: Number(bits(outcome, 144n, 8n)),
    paid: bits(outcome, 80n, 40n),
    campaignPaid: bits(outcome, 40n, 40n),
    debt: bits(outcome, 0n, 40n),
    transaction: event.transaction.hash,
  });
});

ponder.on("Settlement:Run", async ({ event, context }) => {
  const { run: word } = event.args as { run: bigint };
  await context.db.insert(run).values({ id: event.id, word });
});

ponder.on("Settlement:BatchSettled", async ({ event, context }) => {
  const found = event.args as {
    batch: bigint;
    epoch: bigint;
    evidence_root: `0x${string}`;
    sessions: bigint;
    submitter: `0x${string}`;
  };
  await context.db.insert(batch).values({
    id: found.batch,
    epoch: found.epoch,
    evidenceRoot: found.evidence_root,
    sessions: found.sessions,
    submitter: found.submitter,
  });
});
