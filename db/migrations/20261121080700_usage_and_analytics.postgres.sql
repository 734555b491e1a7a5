-- What was spent and what happened.

-- up
CREATE TABLE tool_executions (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    turn_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tool_name text NOT NULL,
    arguments text NOT NULL,
    result_digest text NOT NULL,
    is_error boolean NOT NULL,
    is_cache_hit boolean NOT NULL,
    milliseconds bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);
CREATE INDEX tool_executions_of_turn ON tool_executions (business_id, turn_id);

CREATE TABLE api_usage (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    day text COLLATE "C" NOT NULL CHECK (length(day) = 10),
    model text COLLATE "C" NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    tokens_in bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    tokens_cached bigint NOT NULL DEFAULT 0,
    tool_calls bigint NOT NULL DEFAULT 0,
    cost_micros bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, day, model)
);

CREATE TABLE analytics_events (
    business_id uuid,
    id uuid NOT NULL PRIMARY KEY,
    event_type text NOT NULL,
    event_category text NOT NULL,
    event_value double precision,
    event_data jsonb NOT NULL DEFAULT '{}',
    channel text,
    contact_id uuid,
    created_at timestamptz NOT NULL
) PARTITION BY RANGE (id);
CREATE TABLE analytics_events_default PARTITION OF analytics_events DEFAULT;
CREATE INDEX analytics_of_business ON analytics_events (business_id, event_type, created_at);

SELECT parley_guard('tool_executions');
SELECT parley_guard('api_usage');
SELECT parley_guard('analytics_events');
SELECT parley_guard('analytics_events_default');
SELECT parley_make_partitions('analytics_events', now(), 5);

-- down
DROP TABLE analytics_events;
DROP TABLE api_usage;
DROP TABLE tool_executions;
