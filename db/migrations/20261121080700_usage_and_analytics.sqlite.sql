-- What was spent and what happened.

-- up
CREATE TABLE tool_executions (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    turn_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    tool_name TEXT NOT NULL,
    arguments TEXT NOT NULL,
    result_digest TEXT NOT NULL,
    is_error INTEGER NOT NULL CHECK (is_error IN (0, 1)),
    is_cache_hit INTEGER NOT NULL CHECK (is_cache_hit IN (0, 1)),
    milliseconds INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;
CREATE INDEX tool_executions_of_turn ON tool_executions (business_id, turn_id);

CREATE TABLE api_usage (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    day TEXT NOT NULL CHECK (length(day) = 10),
    model TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    tokens_in INTEGER NOT NULL DEFAULT 0,
    tokens_out INTEGER NOT NULL DEFAULT 0,
    tokens_cached INTEGER NOT NULL DEFAULT 0,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    cost_micros INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, day, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE analytics_events (
    business_id TEXT,
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    event_type TEXT NOT NULL,
    event_category TEXT NOT NULL,
    event_value REAL,
    event_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(event_data)),
    channel TEXT,
    contact_id TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX analytics_of_business ON analytics_events (business_id, event_type, created_at);

-- down
DROP TABLE analytics_events;
DROP TABLE api_usage;
DROP TABLE tool_executions;
