-- What the migrations make. Written by a test, not by hand; see README.md.

CREATE TABLE agent_tools (
    business_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    tool_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, agent_id, tool_name),
    FOREIGN KEY (business_id, agent_id) REFERENCES agents (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, tool_name) REFERENCES business_tools (business_id, tool_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    name TEXT NOT NULL,
    instructions TEXT NOT NULL,
    -- NULL: the configured default model.
    model TEXT,
    temperature REAL,
    maximum_output_tokens INTEGER,
    debounce_milliseconds INTEGER CHECK (debounce_milliseconds BETWEEN 0 AND 60000),
    limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits)),
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;

CREATE UNIQUE INDEX one_default_agent ON agents (business_id) WHERE is_default = 1;

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

CREATE TABLE api_usage (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    day TEXT NOT NULL CHECK (length(day) = 10),
    model TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    tokens_in INTEGER NOT NULL DEFAULT 0,
    tokens_out INTEGER NOT NULL DEFAULT 0,
    tokens_cached INTEGER NOT NULL DEFAULT 0,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    cost_micros INTEGER NOT NULL DEFAULT 0, unpriced_messages INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, day, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE business_keys (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    version INTEGER NOT NULL CHECK (version > 0),
    master_key_id TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE business_tools (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    tool_name TEXT NOT NULL REFERENCES tools (name),
    is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
    webhook_url TEXT,
    configuration TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(configuration)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, tool_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE businesses (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    owner_id TEXT,
    api_key_hash TEXT,
    plan TEXT NOT NULL DEFAULT 'self_hosted',
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    subscription_tier TEXT NOT NULL DEFAULT 'free',
    subscription_status TEXT NOT NULL DEFAULT 'active',
    trial_ends_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE channel_configs (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    default_model TEXT,
    rate_limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(rate_limits)),
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE channel_integrations (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    channel TEXT NOT NULL,
    channel_name TEXT NOT NULL,
    -- AES-256-GCM under the business's data key; the associated data binds table, column, row and business.
    credentials BLOB NOT NULL,
    settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
    webhook_url TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    health TEXT NOT NULL DEFAULT 'unknown' CHECK (health IN ('unknown', 'ok', 'refused')),
    last_sync_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, held_until INTEGER,
    PRIMARY KEY (business_id, id)
) STRICT;

CREATE TABLE contact_identities (
    business_id TEXT NOT NULL,
    channel_integration_id TEXT NOT NULL,
    channel_user_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    username TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, channel_integration_id, channel_user_id),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, channel_integration_id)
        REFERENCES channel_integrations (business_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_of_contact ON contact_identities (business_id, contact_id);

CREATE TABLE contacts (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL CHECK (length(id) = 36),
    name TEXT,
    email TEXT,
    phone TEXT,
    preferred_model TEXT,
    locale TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;

CREATE TABLE conversation_memory (
    business_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    last_intent TEXT,
    message_count INTEGER NOT NULL DEFAULT 0,
    context_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(context_data)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, contact_id, channel),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_participants (
    business_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, conversation_id, contact_id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_tags (
    business_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, conversation_id, tag),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    channel_integration_id TEXT NOT NULL,
    conversation_key TEXT NOT NULL,
    -- The contact who wrote first; in a room others follow.
    contact_id TEXT NOT NULL,
    model_override TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    owner TEXT NOT NULL DEFAULT 'agent' CHECK (owner IN ('agent', 'human')),
    -- A human owner who falls silent hands back at this time.
    owner_until INTEGER,
    session_id TEXT NOT NULL,
    session_started_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    token_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, channel_integration_id, conversation_key),
    FOREIGN KEY (business_id, channel_integration_id)
        REFERENCES channel_integrations (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id)
) STRICT;

CREATE TABLE data_integrations (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL CHECK (length(id) = 36),
    kind TEXT NOT NULL CHECK (kind IN ('shopify', 'woocommerce', 'rest', 'sql')),
    name TEXT NOT NULL,
    base_url TEXT NOT NULL,
    auth_type TEXT NOT NULL DEFAULT 'header' CHECK (auth_type IN ('none', 'header', 'bearer', 'basic')),
    credentials BLOB,
    rate_limit_per_minute INTEGER,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    last_tested_at INTEGER,
    last_test_result TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;

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

CREATE INDEX deliveries_by_platform_id ON deliveries (business_id, channel_integration_id, platform_message_id)
    WHERE platform_message_id IS NOT NULL;

CREATE INDEX deliveries_dead ON deliveries (business_id, id) WHERE state = 'dead';

CREATE INDEX deliveries_waiting ON deliveries (business_id, channel_integration_id, conversation_key, position)
    WHERE settled_at IS NULL;

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

CREATE TABLE feature_flags (
    -- Null for a flag of the house.
    business_id TEXT,
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    -- 'business', 'global', or 'channel:' and its id.
    scope TEXT NOT NULL CHECK (scope IN ('business', 'global') OR scope LIKE 'channel:_%'),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    value TEXT NOT NULL CHECK (json_valid(value)),
    -- [{"name", "value", "percent"}], in the order in which they share out the contacts.
    variants TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(variants) AND json_type(variants) = 'array'),
    -- Who is asked about it.
    owner TEXT NOT NULL CHECK (length(owner) BETWEEN 1 AND 200),
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((scope = 'business') = (business_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX feature_flags_of_business ON feature_flags (business_id, name) WHERE business_id IS NOT NULL;

CREATE UNIQUE INDEX feature_flags_of_house ON feature_flags (name, scope) WHERE business_id IS NULL;

CREATE TABLE fence_sequence (value INTEGER NOT NULL) STRICT;

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

CREATE TABLE integration_endpoints (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    data_integration_id TEXT NOT NULL,
    tool_name TEXT NOT NULL REFERENCES tools (name),
    -- What the model is told; the catalogue's row of an endpoint holds its name alone, as it is everybody's.
    description TEXT NOT NULL,
    parameters TEXT NOT NULL CHECK (json_valid(parameters)),
    triggers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(triggers)),
    method TEXT NOT NULL DEFAULT 'GET' CHECK (method IN ('GET', 'POST')),
    path_template TEXT NOT NULL,
    response_mapping TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(response_mapping)),
    cache_seconds INTEGER NOT NULL DEFAULT 300 CHECK (cache_seconds BETWEEN 0 AND 86400),
    timeout_milliseconds INTEGER NOT NULL DEFAULT 5000 CHECK (timeout_milliseconds BETWEEN 1 AND 5000),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, tool_name),
    FOREIGN KEY (business_id, data_integration_id) REFERENCES data_integrations (business_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    holder TEXT,
    held_until INTEGER,
    -- Where to go on when a run did not come to its end; {} when the last one did.
    cursor TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(cursor)),
    finished_at INTEGER,
    CHECK (holder IS NULL OR held_until IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE journey_events (
    business_id TEXT NOT NULL,
    -- The inbox event, turn or delivery that the step is about.
    subject_id TEXT NOT NULL CHECK (length(subject_id) = 36),
    id TEXT NOT NULL CHECK (length(id) = 36),
    step TEXT NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT NOT NULL DEFAULT '',
    value TEXT NOT NULL DEFAULT '',
    milliseconds INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, subject_id, id)
) STRICT;

CREATE TRIGGER knowledge_deleted AFTER DELETE ON knowledge_entries BEGIN
    DELETE FROM knowledge_search WHERE rowid = old.search_row;
END;

CREATE TRIGGER knowledge_inserted AFTER INSERT ON knowledge_entries BEGIN
    INSERT INTO knowledge_search (rowid, business, question, answer, keywords)
    VALUES (new.search_row, replace(new.business_id, '-', ''), new.question, new.answer, new.keywords);
END;

CREATE TRIGGER knowledge_updated AFTER UPDATE OF question, answer, keywords ON knowledge_entries BEGIN
    DELETE FROM knowledge_search WHERE rowid = old.search_row;
    INSERT INTO knowledge_search (rowid, business, question, answer, keywords)
    VALUES (new.search_row, replace(new.business_id, '-', ''), new.question, new.answer, new.keywords);
END;

CREATE TABLE knowledge_entries (
    -- Ties the entry to its row in the full-text index; an explicit key, because VACUUM renumbers implicit ones.
    search_row INTEGER NOT NULL PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL CHECK (length(id) = 36),
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    keywords TEXT NOT NULL DEFAULT '',
    intent TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    usage_count INTEGER NOT NULL DEFAULT 0,
    embedding BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (business_id, id),
    UNIQUE (business_id, question)
) STRICT;

CREATE VIRTUAL TABLE knowledge_search USING fts5 (
    business, question, answer, keywords, tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TABLE lanes (
    act TEXT NOT NULL CHECK (act IN ('answer', 'deliver')),
    business_id TEXT NOT NULL,
    channel_integration_id TEXT NOT NULL,
    conversation_key TEXT NOT NULL,
    claimable_at INTEGER NOT NULL,
    -- The first event that waits; debouncing holds a lane back from here for a bounded time.
    waiting_since INTEGER NOT NULL,
    holder TEXT,
    fence INTEGER NOT NULL DEFAULT 0, begun INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (act, business_id, channel_integration_id, conversation_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_by_time ON lanes (act, claimable_at);

CREATE TABLE leads (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    contact_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    name TEXT,
    email TEXT,
    phone TEXT,
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'contacted', 'qualified', 'converted', 'lost')),
    source_intent TEXT,
    extra_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra_data)),
    converted_at INTEGER,
    conversion_value_micros INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    -- One lead per contact: enriched, never duplicated.
    UNIQUE (business_id, contact_id),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE memberships (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    conversation_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    turn_id TEXT,
    contact_id TEXT,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'human')),
    content TEXT NOT NULL,
    message_type TEXT NOT NULL DEFAULT 'text',
    intent TEXT,
    is_from_user INTEGER NOT NULL CHECK (is_from_user IN (0, 1)),
    token_count INTEGER NOT NULL DEFAULT 0,
    model_used TEXT,
    platform_message_id TEXT,
    platform_time INTEGER,
    delivery_state TEXT,
    metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX messages_of_session ON messages (business_id, conversation_id, session_id, id);

CREATE TABLE migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE model_prices (
    model TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    -- 'shipped' came with Parley; 'set' is the operator's and wins.
    origin TEXT NOT NULL CHECK (origin IN ('shipped', 'set')),
    valid_from INTEGER NOT NULL,
    input_micros INTEGER NOT NULL CHECK (input_micros BETWEEN 0 AND 1000000000000),
    output_micros INTEGER NOT NULL CHECK (output_micros BETWEEN 0 AND 1000000000000),
    cached_micros INTEGER NOT NULL CHECK (cached_micros BETWEEN 0 AND 1000000000000),
    note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model, origin, valid_from)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE tools (
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    category TEXT NOT NULL,
    description TEXT NOT NULL,
    parameters TEXT NOT NULL CHECK (json_valid(parameters)),
    triggers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(triggers)),
    -- 'built_in' is Swift; 'endpoint' is a row of integration_endpoints of the business.
    kind TEXT NOT NULL CHECK (kind IN ('built_in', 'endpoint')),
    is_read_only INTEGER NOT NULL CHECK (is_read_only IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE turns (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    conversation_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    contact_id TEXT,
    user_message TEXT NOT NULL,
    bot_reply TEXT,
    intent TEXT,
    model_name TEXT,
    prompt_version TEXT,
    tokens_in INTEGER NOT NULL DEFAULT 0,
    tokens_out INTEGER NOT NULL DEFAULT 0,
    tokens_cached INTEGER NOT NULL DEFAULT 0,
    -- Millionths of a US dollar; NULL when the model has no price.
    cost_micros INTEGER,
    latency_milliseconds INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'apologised', 'limited', 'gated', 'no_reply')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX turns_of_conversation ON turns (business_id, conversation_id, id);

CREATE INDEX turns_of_limits ON turns (business_id, conversation_id, id) WHERE outcome = 'limited';

CREATE INDEX turns_with_texts ON turns (business_id, id) WHERE user_message <> '' OR bot_reply IS NOT NULL;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    email TEXT NOT NULL UNIQUE,
    hashed_password TEXT NOT NULL,
    full_name TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    last_login_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
