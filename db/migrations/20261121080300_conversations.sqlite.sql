-- People who write, and what was said.

-- up
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
CREATE INDEX messages_of_conversation ON messages (business_id, conversation_id, id);

-- down
DROP TABLE messages;
DROP TABLE turns;
DROP TABLE conversation_memory;
DROP TABLE conversation_tags;
DROP TABLE conversation_participants;
DROP TABLE conversations;
DROP TABLE contact_identities;
DROP TABLE contacts;
