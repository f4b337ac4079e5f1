-- The store of one oracle. Rows of `frames` are never changed; everything about
-- transactions can be made again from them.
--
-- Times `at`, `*_at` are UTC seconds. Hashes, words and ids wider than 63 bits are
-- big-endian blobs.

CREATE TABLE IF NOT EXISTS meta (
    name  TEXT PRIMARY KEY,
    value ANY
) STRICT;

-- Every message, exactly as received or sent. `notes` say how a message that was
-- not to the letter was read (a JSON list of sentences).
CREATE TABLE IF NOT EXISTS frames (
    id             INTEGER PRIMARY KEY,
    charge_point   TEXT NOT NULL,
    sender         TEXT NOT NULL,
    at             REAL NOT NULL,
    text           ANY NOT NULL,
    transaction_id INTEGER,
    notes          TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS frames_of_transaction
    ON frames (transaction_id) WHERE transaction_id IS NOT NULL;

-- `id` is the OCPP transaction id. `start_key` is what makes two StartTransactions
-- of a charge point the same one. State: open, closed, abandoned.
CREATE TABLE IF NOT EXISTS transactions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point     TEXT NOT NULL,
    connector_number INTEGER NOT NULL,
    start_key        TEXT NOT NULL,
    token            TEXT NOT NULL,
    started_at       INTEGER,
    meter_start      TEXT,
    opened_at        REAL NOT NULL,
    state            TEXT NOT NULL,
    meter_stop       TEXT,
    last_frame       INTEGER,
    UNIQUE (charge_point, start_key)
) STRICT;
CREATE INDEX IF NOT EXISTS open_transactions
    ON transactions (charge_point, connector_number) WHERE state = 'open';

-- What a connector last reported.
CREATE TABLE IF NOT EXISTS connector_states (
    charge_point     TEXT NOT NULL,
    connector_number INTEGER NOT NULL,
    status           TEXT NOT NULL,
    error_code       TEXT NOT NULL,
    at               REAL NOT NULL,
    PRIMARY KEY (charge_point, connector_number)
) STRICT;

-- One row a transaction that ended or was abandoned; `id` is the transaction's.
-- State: closed, pending, proposed, settled, quarantined. `draft` is the evidence
-- bundle with sequence 0; `position` keeps the order once proposed.
CREATE TABLE IF NOT EXISTS sessions (
    id           INTEGER PRIMARY KEY,
    charge_point TEXT NOT NULL,
    state        TEXT NOT NULL,
    closed_at    REAL NOT NULL,
    connector_id INTEGER,
    tariff_index INTEGER,
    started_at   INTEGER,
    ended_at     INTEGER,
    word         BLOB,
    draft        BLOB,
    openings     BLOB,
    position     INTEGER,
    batch        INTEGER,
    sequence     INTEGER,
    outcome      BLOB,
    final        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_state ON sessions (state, ended_at);
CREATE INDEX IF NOT EXISTS sessions_by_batch ON sessions (batch) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS sessions_by_sequence
    ON sessions (connector_id, sequence) WHERE sequence IS NOT NULL;

-- What waits for a person. A row is about a session or about one frame.
CREATE TABLE IF NOT EXISTS quarantine (
    id           INTEGER PRIMARY KEY,
    at           REAL NOT NULL,
    charge_point TEXT NOT NULL,
    code         TEXT NOT NULL,
    sentence     TEXT NOT NULL,
    session      INTEGER,
    frame        INTEGER,
    resolved_at  REAL,
    resolution   TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS quarantine_open_session
    ON quarantine (session) WHERE session IS NOT NULL AND resolved_at IS NULL;
CREATE INDEX IF NOT EXISTS quarantine_open ON quarantine (id) WHERE resolved_at IS NULL;

-- The final registry's connectors: which connector id a charge point's number is.
CREATE TABLE IF NOT EXISTS connectors (
    charge_point     TEXT NOT NULL,
    connector_number INTEGER NOT NULL,
    connector_id     INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (charge_point, connector_number)
) STRICT;

-- Meter keys as entered in the final registry. Whether they are valid is read there.
CREATE TABLE IF NOT EXISTS meter_keys (
    connector_id INTEGER NOT NULL,
    fingerprint  BLOB NOT NULL,
    public_key   BLOB NOT NULL,
    PRIMARY KEY (connector_id, fingerprint)
) STRICT;

-- Final campaigns, the connectors that take part in them, and when they paused.
CREATE TABLE IF NOT EXISTS campaigns (
    id           INTEGER PRIMARY KEY,
    kind         INTEGER NOT NULL,
    owner_id     INTEGER NOT NULL,
    starts_at    INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    hour_mask    BLOB NOT NULL,
    rate_bps     INTEGER NOT NULL,
    session_cap  INTEGER NOT NULL,
    min_sessions INTEGER NOT NULL,
    window_days  INTEGER NOT NULL,
    driver_cap   INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS campaign_connectors (
    connector_id INTEGER NOT NULL,
    campaign     INTEGER NOT NULL,
    enrolled_at  INTEGER NOT NULL,
    PRIMARY KEY (connector_id, campaign)
) STRICT;
CREATE TABLE IF NOT EXISTS campaign_pauses (
    campaign    INTEGER NOT NULL,
    paused_from INTEGER NOT NULL,
    paused_to   INTEGER,
    PRIMARY KEY (campaign, paused_from)
) STRICT;

-- Final sessions that an account paid for, whoever attested them. `campaign` is 0 where
-- none took anything off, `settled` whether it was paid in full.
CREATE TABLE IF NOT EXISTS settled_sessions (
    session_id BLOB PRIMARY KEY,
    account    INTEGER NOT NULL,
    owner_id   INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    campaign   INTEGER NOT NULL,
    settled    INTEGER NOT NULL,
    tx_hash    BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS settled_sessions_of_account
    ON settled_sessions (account, owner_id, started_at);

-- `terms` are the mandate's fields exactly (JSON); the columns beside it are for searching.
CREATE TABLE IF NOT EXISTS mandates (
    id          BLOB PRIMARY KEY,
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    terms       TEXT NOT NULL,
    signature   BLOB NOT NULL
) STRICT;

-- What a mandate's commitments hide.
CREATE TABLE IF NOT EXISTS openings (
    commitment BLOB NOT NULL,
    salt       BLOB NOT NULL,
    token      TEXT NOT NULL,
    mandate    BLOB NOT NULL,
    PRIMARY KEY (mandate, commitment)
) STRICT;
CREATE INDEX IF NOT EXISTS openings_of_token ON openings (token);

-- A batch from its proposal on. State: proposed, signed, submitted, mined, released.
CREATE TABLE IF NOT EXISTS batches (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    state         TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    expiry        INTEGER NOT NULL,
    evidence_root BLOB NOT NULL,
    runs          BLOB NOT NULL,
    signatures    BLOB,
    from_block    INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS batches_by_state ON batches (state);

-- One row a nonce ever used; a batch takes over the nonce of a released one.
CREATE TABLE IF NOT EXISTS nonces (
    chain_id INTEGER NOT NULL,
    sender   TEXT NOT NULL,
    nonce    INTEGER NOT NULL,
    batch    INTEGER NOT NULL,
    PRIMARY KEY (chain_id, sender, nonce)
) STRICT;

-- Every signed transaction, stored before it was broadcast.
CREATE TABLE IF NOT EXISTS attempts (
    tx_hash  BLOB PRIMARY KEY,
    batch    INTEGER NOT NULL,
    nonce    INTEGER NOT NULL,
    raw      BLOB NOT NULL,
    max_fee  TEXT NOT NULL,
    tip      TEXT NOT NULL,
    at_block INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_of_batch ON attempts (batch);
CREATE INDEX IF NOT EXISTS attempts_of_nonce ON attempts (nonce);

-- What this oracle signed: one word a connector and sequence, and what was used for it.
CREATE TABLE IF NOT EXISTS attestations (
    connector_id   INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    word           BLOB NOT NULL,
    evidence_root  BLOB NOT NULL,
    expiry         INTEGER NOT NULL,
    source         TEXT NOT NULL,
    charge_point   TEXT NOT NULL,
    transaction_id INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL,
    meter          BLOB,
    page_context   TEXT,
    first_page     INTEGER,
    last_page      INTEGER,
    begin_wh       TEXT NOT NULL,
    end_wh         TEXT NOT NULL,
    settled        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connector_id, sequence)
) STRICT;
CREATE INDEX IF NOT EXISTS attestations_of_transaction
    ON attestations (source, charge_point, transaction_id);
CREATE INDEX IF NOT EXISTS attestations_of_connector ON attestations (connector_id, started_at);
CREATE INDEX IF NOT EXISTS attestations_of_meter
    ON attestations (meter, page_context, first_page) WHERE meter IS NOT NULL;

-- Bundles as attested, and the batches they were attested in: `sessions` are the
-- session ids, words and evidence hashes in order, 96 bytes each.
CREATE TABLE IF NOT EXISTS evidence (
    session_id    BLOB NOT NULL,
    evidence_root BLOB NOT NULL,
    bundle        BLOB NOT NULL,
    PRIMARY KEY (session_id, evidence_root)
) STRICT;
CREATE TABLE IF NOT EXISTS attested_batches (
    evidence_root BLOB PRIMARY KEY,
    leaves        BLOB NOT NULL
) STRICT;

-- Batches of ours that the chain settled, with what a proof needs.
CREATE TABLE IF NOT EXISTS settlements (
    number        INTEGER PRIMARY KEY,
    evidence_root BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    expiry        INTEGER NOT NULL,
    runs          BLOB NOT NULL,
    signatures    BLOB NOT NULL,
    tx_hash       BLOB NOT NULL,
    block_number  INTEGER NOT NULL,
    block_hash    BLOB NOT NULL,
    final         INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS settlements_by_root ON settlements (evidence_root);
CREATE INDEX IF NOT EXISTS settlements_not_final ON settlements (number) WHERE final = 0;

-- Signed operational feed; `seq` counts a connector's entries within an epoch.
CREATE TABLE IF NOT EXISTS feed (
    n            INTEGER PRIMARY KEY,
    epoch        INTEGER NOT NULL,
    connector_id INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    body         BLOB NOT NULL,
    signature    BLOB NOT NULL,
    UNIQUE (epoch, connector_id, seq)
) STRICT;
