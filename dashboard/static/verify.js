// Asks the node of the reader's own wallet what the chain has of one session, and compares it with
// what the page shows and with the bundle and proof that are downloaded from here. What each step
// means is docs/evidence.md ("In the page, by your own node"); the page has the words.
"use strict";

import { keccak256 } from "./keccak.js";

const WORD = 32;
// Widths of the record's fields in bits, most significant first (docs/protocol.md, section 2).
const RECORD = [
  ["payer", 40], ["started_at", 32], ["duration_s", 20], ["idle_s", 20], ["energy_wh", 24], ["gross", 40],
  ["campaign_id", 32], ["hour_of_week", 8], ["grid_gco2e_per_kwh", 12], ["renewable_pct", 7], ["assurance", 2],
];
const COMMITMENT_BYTES = 27;

const bytes = (text) => Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (data) => "0x" + Array.from(data, (one) => one.toString(16).padStart(2, "0")).join("");
const number = (data) => BigInt(hex(data));
const wordOf = (value) => bytes("0x" + value.toString(16).padStart(2 * WORD, "0"));
const hashOf = (text) => keccak256(new TextEncoder().encode(text));

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const SESSION = hex(hashOf("Session(uint256,uint256)"));
const SKIPPED = hex(hashOf("RunSkipped(uint256,uint256,uint256)"));
const SETTLED = hex(hashOf("BatchSettled(uint256,uint256,bytes32,bytes32,uint256,address)"));
const COMMITMENT = hex(hashOf("batch_commitment(uint256)").slice(0, 4));

class Differs extends Error {}

// Two values that must be the same; what is said of them are the values themselves.
function same(found, expected) {
  if (found !== expected) throw new Differs(`${found} ≠ ${expected}`);
}

// What the transaction's logs say of a batch: the outcome words in order (zero: a run that was
// skipped), the record words by session, the evidence root and the commitment.
function readBatch(receipt, settlement, batch) {
  let found = { outcomes: [], words: new Map() };
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== settlement.toLowerCase()) continue;
    const data = bytes(log.data);
    if (log.topics[0] === SESSION) {
      const outcome = number(data.slice(0, WORD));
      found.outcomes.push(outcome);
      found.words.set(outcome >> 160n, { outcome, word: number(data.slice(WORD, 2 * WORD)) });
    } else if (log.topics[0] === SKIPPED) {
      found.outcomes.push(0n);
    } else if (log.topics[0] === SETTLED) {
      if (BigInt(log.topics[1]) === batch) {
        return { ...found, root: hex(data.slice(0, WORD)), committed: hex(data.slice(WORD, 2 * WORD)) };
      }
      found = { outcomes: [], words: new Map() };
    }
  }
  throw new Differs(`${receipt.transactionHash}: ${batch}?`);
}

// What settlement leaves in storage of a batch (docs/protocol.md, section 2).
function commitmentOf(runs, root, outcomes) {
  const left = [...outcomes];
  let heads = new Uint8Array(WORD);
  for (let at = 0; at < runs.length; ) {
    const header = number(runs.slice(at, at + WORD));
    let running = runs.slice(at + WORD, at + 2 * WORD);
    const first = ((header >> 224n) << 64n) | ((header >> 192n) & 0xffffffffn);
    const count = Number((header >> 144n) & 0xffffn);
    const words = at + 2 * WORD;
    at = words + count * WORD;
    if (left[0] === 0n) {
      left.shift();
      continue;
    }
    for (let place = 0; place < count; place++) {
      const outcome = left.shift() ?? 0n;
      same(outcome >> 160n, first + BigInt(place));
      const word = runs.slice(words + place * WORD, words + (place + 1) * WORD);
      running = wordOf(number(keccak256(joined(running, word, wordOf(outcome)))) >> 64n);
    }
    heads = keccak256(joined(heads, running));
  }
  return hex(keccak256(joined(keccak256(runs), bytes(root), heads)).slice(0, COMMITMENT_BYTES));
}

// The root that a bundle leads to by its proof's path.
function rootOf(session, word, bundle, path) {
  let node = keccak256(joined(Uint8Array.of(0), wordOf(session), wordOf(word), keccak256(bundle)));
  for (const step of path) {
    const sibling = bytes("0x" + step.slice(1));
    node = keccak256(joined(Uint8Array.of(1), ...(step[0] === "L" ? [sibling, node] : [node, sibling])));
  }
  return hex(node);
}

function fields(word) {
  const found = {};
  let left = 256n;
  for (const [name, bits] of RECORD) {
    left -= BigInt(bits);
    found[name] = (word >> left) & ((1n << BigInt(bits)) - 1n);
  }
  return found;
}

// As the page writes exact figures, in no language: 1.101, 0.495450, 2026-01-01T00:00:00Z.
function decimal(value, digits) {
  const text = value.toString().padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
const moment = (seconds) => new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");

function figuresOf({ outcome, word }, receipt, batch) {
  const record = fields(word);
  const amount = (shift) => decimal((outcome >> BigInt(shift)) & ((1n << 40n) - 1n), 6);
  return {
    energy: decimal(record.energy_wh, 3),
    price: decimal(record.gross, 6),
    paid: amount(80),
    campaign: amount(40),
    owed: amount(0),
    started: moment(record.started_at),
    duration: record.duration_s.toString(),
    batch: batch.toString(),
    transaction: receipt.transactionHash,
    block: Number(receipt.blockNumber).toString(),
    block_hash: receipt.blockHash,
  };
}

function show(place, state, detail) {
  place.classList.remove("ok", "failed", "skipped");
  place.classList.add({ holds: "ok", failed: "failed", none: "skipped" }[state]);
  for (const one of place.querySelectorAll("[data-state]")) one.hidden = one.dataset.state !== state;
  const said = place.querySelector("[data-detail]");
  if (said) said.textContent = detail;
}

async function download(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Differs(`${address}: HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// Runs the checks one after the other; one that needs what an earlier one did not find is left out.
export async function check(form, provider) {
  const ask = (method, ...params) => provider.request({ method, params });
  const place = (name) => form.querySelector(`[data-check="${name}"]`);
  const settlement = form.querySelector("[data-settlement]").textContent.trim();
  const session = BigInt(form.dataset.session);
  const rows = [...form.querySelectorAll("[data-compared]")];
  let failed = false;
  for (const one of form.querySelectorAll("[data-check], [data-compared]")) show(one, "none", "");
  for (const one of rows) one.querySelector("[data-found]").textContent = "";
  for (const one of form.querySelectorAll("[data-outcome]")) one.hidden = true;

  async function step(name, work) {
    try {
      const { value, detail } = await work();
      show(place(name), "holds", detail);
      return value;
    } catch (error) {
      // What a wallet answers is no finding: it is said where its answers are said.
      if (!(error instanceof Differs)) throw error;
      failed = true;
      show(place(name), "failed", error.message);
      return undefined;
    }
  }

  const proof = JSON.parse(new TextDecoder().decode(await download(form.dataset.proof)));
  const batch = BigInt(proof.batch);
  const receipt = await ask("eth_getTransactionReceipt", proof.transaction);
  await step("chain", async () => {
    const found = Number(await ask("eth_chainId")).toString();
    same(found, form.dataset.chain);
    return { detail: found };
  });
  const logged = await step("event", async () => {
    if (receipt?.status !== "0x1") throw new Differs(`${proof.transaction}: ${receipt?.status ?? "?"}`);
    const found = readBatch(receipt, settlement, batch);
    const mine = found.words.get(session);
    if (!mine) throw new Differs(`${proof.transaction}: ${form.dataset.session}?`);
    same(hex(wordOf(mine.word)), proof.word);
    return { value: { ...found, mine }, detail: hex(wordOf(mine.word)) };
  });
  if (logged) {
    await step("commitment", async () => {
      const data = COMMITMENT + hex(wordOf(batch)).slice(2);
      const stored = (await ask("eth_call", { to: settlement, data }, "latest")).slice(0, 2 + 2 * COMMITMENT_BYTES);
      same(commitmentOf(bytes(proof.runs), logged.root, logged.outcomes), stored);
      return { detail: stored };
    });
    await step("block", async () => {
      const block = await ask("eth_getBlockByNumber", receipt.blockNumber, false);
      same(block?.hash, receipt.blockHash);
      const final = await ask("eth_getBlockByNumber", "finalized", false);
      const reached = final && BigInt(final.number) >= BigInt(receipt.blockNumber) ? "≤" : ">";
      return { detail: `${Number(receipt.blockNumber)} ${reached} ${final ? Number(final.number) : "?"}` };
    });
    await step("bundle", async () => {
      const data = await download(form.dataset.bundle);
      same(rootOf(session, logged.mine.word, data, proof.path), logged.root);
      const bundle = JSON.parse(new TextDecoder().decode(data));
      same(BigInt(bundle.session.id), session);
      same(bundle.word, hex(wordOf(logged.mine.word)));
      for (const [name, value] of Object.entries(fields(logged.mine.word))) same(BigInt(bundle.record[name]), value);
      return { detail: hex(keccak256(data)) };
    });
    const found = figuresOf(logged.mine, receipt, batch);
    await step("figures", async () => {
      const differing = rows.filter((row) => {
        const shown = row.querySelector("[data-shown]").textContent.trim();
        const value = found[row.dataset.compared];
        row.querySelector("[data-found]").textContent = value;
        show(row, shown === value ? "holds" : "failed", "");
        return shown !== value;
      });
      if (!rows.length || differing.length) throw new Differs(`${differing.length} / ${rows.length}`);
      return { detail: `${rows.length} / ${rows.length}` };
    });
  }
  form.querySelector(`[data-outcome="${failed ? "failed" : "holds"}"]`).hidden = false;
}
