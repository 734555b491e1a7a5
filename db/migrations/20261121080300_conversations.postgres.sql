-- People who write, and what was said.

-- up
CREATE TABLE contacts (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text,
    email text,
    phone text,
    preferred_model text,
    locale text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);

CREATE TABLE contact_identities (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    channel_user_id text NOT NULL,
    contact_id uuid NOT NULL,
    username text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, channel_integration_id, channel_user_id),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, channel_integration_id)
        REFERENCES channel_integrations (business_id, id) ON DELETE CASCADE
);
CREATE INDEX identities_of_contact ON contact_identities (business_id, contact_id);

CREATE TABLE conversations (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text NOT NULL,
    -- The contact who wrote first; in a room others follow.
    contact_id uuid NOT NULL,
    model_override text,
    is_active boolean NOT NULL DEFAULT true,
    owner text NOT NULL DEFAULT 'agent' CHECK (owner IN ('agent', 'human')),
    -- A human owner who falls silent hands back at this time.
    owner_until timestamptz,
    session_id uuid NOT NULL,
    session_started_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    last_activity_at timestamptz NOT NULL,
    message_count bigint NOT NULL DEFAULT 0,
    token_count bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, channel_integration_id, conversation_key),
    FOREIGN KEY (business_id, channel_integration_id)
        REFERENCES channel_integrations (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id)
);

CREATE TABLE conversation_participants (
    business_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, conversation_id, contact_id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
);

CREATE TABLE conversation_tags (
    business_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tag text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, conversation_id, tag),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
);

CREATE TABLE conversation_memory (
    business_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    channel text NOT NULL,
    last_intent text,
    message_count bigint NOT NULL DEFAULT 0,
    context_data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, contact_id, channel),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
);

CREATE TABLE turns (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    session_id uuid NOT NULL,
    contact_id uuid,
    user_message text NOT NULL,
    bot_reply text,
    intent text,
    model_name text,
    prompt_version text,
    tokens_in bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    tokens_cached bigint NOT NULL DEFAULT 0,
    -- Millionths of a US dollar; NULL when the model has no price.
    cost_micros bigint,
    latency_milliseconds bigint NOT NULL DEFAULT 0,
    outcome text NOT NULL CHECK (outcome IN ('answered', 'apologised', 'limited', 'gated', 'no_reply')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
);
CREATE INDEX turns_of_conversation ON turns (business_id, conversation_id, id);

CREATE TABLE messages (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    session_id uuid NOT NULL,
    turn_id uuid,
    contact_id uuid,
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'human')),
    content text NOT NULL,
    message_type text NOT NULL DEFAULT 'text',
    intent text,
    is_from_user boolean NOT NULL,
    token_count bigint NOT NULL DEFAULT 0,
    model_used text,
    platform_message_id text,
    platform_time timestamptz,
    delivery_state text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    FOREIGN KEY (business_id, conversation_id) REFERENCES conversations (business_id, id) ON DELETE CASCADE
) PARTITION BY RANGE (id);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
CREATE INDEX messages_of_conversation ON messages (business_id, conversation_id, id);

SELECT parley_guard('contacts');
SELECT parley_guard('contact_identities');
SELECT parley_guard('conversations');
SELECT parley_guard('conversation_participants');
SELECT parley_guard('conversation_tags');
SELECT parley_guard('conversation_memory');
SELECT parley_guard('turns');
SELECT parley_guard('messages');
SELECT parley_guard('messages_default');
SELECT parley_make_partitions('messages', now(), 5);

-- down
DROP TABLE messages;
DROP TABLE turns;
DROP TABLE conversation_memory;
DROP TABLE conversation_tags;
DROP TABLE conversation_participants;
DROP TABLE conversations;
DROP TABLE contact_identities;
DROP TABLE contacts;
