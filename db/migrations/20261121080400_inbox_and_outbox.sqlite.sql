-- What must never be lost: committed events that are not answered, committed deliveries that are not settled.

-- up
-- Keeps its rows after they are closed: the unique key is what makes a redelivery harmless. Rows lie in the order in
-- which they came: they are wide, and laid out by their key each of them would dirty a page of its own.
CREATE TABLE inbox_events (
    business_id TEXT NOT NULL,
    channel_integration_id TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    conversation_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (json_valid(event)),
    attempts INTEGER NOT NULL DEFAULT 0,
    turn_id TEXT,
    received_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (business_id, channel_integration_id, dedupe_key)
) STRICT;
CREATE INDEX inbox_waiting ON inbox_events (business_id, channel_integration_id, conversation_key, position)
    WHERE closed_at IS NULL;

-- The claimable conversations: inserted when there is work, deleted when there is none. A lane is held by a lease
-- until `claimable_at`; the fence grows with every claim, so that a late holder can be told from the present one.
CREATE TABLE lanes (
    act TEXT NOT NULL CHECK (act IN ('answer', 'deliver')),
    business_id TEXT NOT NULL,
    channel_integration_id TEXT NOT NULL,
    conversation_key TEXT NOT NULL,
    claimable_at INTEGER NOT NULL,
    -- The first event that waits; debouncing holds a lane back from here for a bounded time.
    waiting_since INTEGER NOT NULL,
    holder TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (act, business_id, channel_integration_id, conversation_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_by_time ON lanes (act, claimable_at);

CREATE TABLE fence_sequence (value INTEGER NOT NULL) STRICT;
INSERT INTO fence_sequence (value) VALUES (0);

CREATE TABLE deliveries (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    channel_integration_id TEXT NOT NULL,
    conversation_key TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    turn_id TEXT,
    message_id TEXT,
    -- The order within the conversation.
    position INTEGER NOT NULL,
    address TEXT NOT NULL CHECK (json_valid(address)),
    payload TEXT NOT NULL CHECK (json_valid(payload)),
    text TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sending', 'uncertain', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    uses_plain_text INTEGER NOT NULL DEFAULT 0 CHECK (uses_plain_text IN (0, 1)),
    -- An attempt was made whose answer was lost and which was then sent again.
    may_be_duplicate INTEGER NOT NULL DEFAULT 0 CHECK (may_be_duplicate IN (0, 1)),
    not_before INTEGER NOT NULL,
    platform_message_id TEXT,
    dead_reason TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    PRIMARY KEY (business_id, id)
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (business_id, channel_integration_id, conversation_key, position)
    WHERE settled_at IS NULL;
CREATE INDEX deliveries_dead ON deliveries (business_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_by_platform_id ON deliveries (business_id, channel_integration_id, platform_message_id)
    WHERE platform_message_id IS NOT NULL;

CREATE TABLE delivery_attempts (
    business_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    milliseconds INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, delivery_id, attempt)
) STRICT, WITHOUT ROWID;

-- down
DROP TABLE delivery_attempts;
DROP TABLE deliveries;
DROP TABLE fence_sequence;
DROP TABLE lanes;
DROP TABLE inbox_events;
