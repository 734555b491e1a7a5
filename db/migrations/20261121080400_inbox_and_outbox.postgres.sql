-- What must never be lost: committed events that are not answered, committed deliveries that are not settled.

-- up
-- What makes a redelivery harmless: narrow, and not cut by time, so that a key is unique for as long as it is kept.
CREATE TABLE inbox_keys (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    dedupe_key text COLLATE "C" NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, channel_integration_id, dedupe_key)
);
CREATE INDEX inbox_keys_by_time ON inbox_keys USING brin (received_at);

-- The events themselves, by the week: whole weeks go at once.
CREATE TABLE inbox_events (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    dedupe_key text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    position bigint NOT NULL,
    event jsonb NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    turn_id uuid,
    received_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (business_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE inbox_events_default PARTITION OF inbox_events DEFAULT;
CREATE INDEX inbox_waiting ON inbox_events (business_id, channel_integration_id, conversation_key, position)
    WHERE closed_at IS NULL;
CREATE INDEX inbox_of_turn ON inbox_events (business_id, turn_id) WHERE turn_id IS NOT NULL;

-- The claimable conversations: inserted when there is work, deleted when there is none. A lane is held by a lease
-- until `claimable_at`; the fence grows with every claim, so that a late holder can be told from the present one.
CREATE TABLE lanes (
    act text NOT NULL CHECK (act IN ('answer', 'deliver')),
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    claimable_at timestamptz NOT NULL,
    -- The first event that waits; debouncing holds a lane back from here for a bounded time.
    waiting_since timestamptz NOT NULL,
    holder text,
    fence bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, act, channel_integration_id, conversation_key)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX lanes_by_time ON lanes (act, claimable_at);

CREATE SEQUENCE fence_sequence;

-- Leases live by the database's clock, which all nodes share, and not by the one that a node gives.
CREATE FUNCTION parley_lease_time(given timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT statement_timestamp()
$$;

CREATE TABLE deliveries (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    conversation_id uuid NOT NULL,
    turn_id uuid,
    message_id uuid,
    -- The order within the conversation.
    position bigint NOT NULL,
    address jsonb NOT NULL,
    payload jsonb NOT NULL,
    text text NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sending', 'uncertain', 'delivered', 'dead')),
    attempts bigint NOT NULL DEFAULT 0,
    uses_plain_text boolean NOT NULL DEFAULT false,
    -- An attempt was made whose answer was lost and which was then sent again.
    may_be_duplicate boolean NOT NULL DEFAULT false,
    not_before timestamptz NOT NULL,
    platform_message_id text,
    dead_reason text,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (business_id, id)
);
CREATE INDEX deliveries_waiting ON deliveries (business_id, channel_integration_id, conversation_key, position)
    WHERE settled_at IS NULL;
CREATE INDEX deliveries_dead ON deliveries (business_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_by_platform_id ON deliveries (business_id, channel_integration_id, platform_message_id)
    WHERE platform_message_id IS NOT NULL;

CREATE TABLE delivery_attempts (
    business_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt bigint NOT NULL,
    verdict text NOT NULL,
    reason text,
    milliseconds bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, delivery_id, attempt)
);

SELECT parley_guard('inbox_keys');
SELECT parley_guard('inbox_events');
SELECT parley_guard('inbox_events_default');
SELECT parley_guard('lanes');
SELECT parley_guard('deliveries');
SELECT parley_guard('delivery_attempts');
SELECT parley_make_partitions('inbox_events', now(), 5);
GRANT USAGE ON SEQUENCE fence_sequence TO parley_business, parley_dispatch, parley_house;

-- A batch of webhooks crosses businesses. Whoever takes it in sees the keys, nothing of what is in the events.
CREATE POLICY of_intake ON inbox_keys TO parley_intake USING (true) WITH CHECK (true);
CREATE POLICY of_intake ON inbox_events FOR INSERT TO parley_intake WITH CHECK (true);
CREATE POLICY of_intake ON lanes TO parley_intake USING (true) WITH CHECK (true);
GRANT INSERT, SELECT ON inbox_keys TO parley_intake;
GRANT INSERT ON inbox_events TO parley_intake;
GRANT INSERT, SELECT, UPDATE (claimable_at) ON lanes TO parley_intake;

-- A claim crosses businesses too: it counts attempts, and reads no content.
CREATE POLICY of_dispatch ON lanes TO parley_dispatch USING (true) WITH CHECK (true);
CREATE POLICY of_dispatch ON inbox_events TO parley_dispatch USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON lanes TO parley_dispatch;
GRANT SELECT (business_id, channel_integration_id, conversation_key, closed_at, attempts), UPDATE (attempts)
    ON inbox_events TO parley_dispatch;

-- down
DROP TABLE delivery_attempts;
DROP TABLE deliveries;
DROP FUNCTION parley_lease_time(timestamptz);
DROP SEQUENCE fence_sequence;
DROP TABLE lanes;
DROP TABLE inbox_events;
DROP TABLE inbox_keys;
