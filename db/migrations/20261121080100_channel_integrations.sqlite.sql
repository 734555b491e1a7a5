-- A business's credentials on the channels.

-- up
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
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
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

-- down
DROP TABLE channel_configs;
DROP TABLE channel_integrations;
