-- Tenants, the people who sign in, and what protects a business's secrets.
-- Ids are UUIDv7 as text, times are microseconds since 1970 (UTC), JSON is text.

-- up
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

-- One data key per business, wrapped by the master key that `master_key_id` names.
CREATE TABLE business_keys (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    version INTEGER NOT NULL CHECK (version > 0),
    master_key_id TEXT NOT NULL,
    wrapped_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, version)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE memberships (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, user_id)
) STRICT, WITHOUT ROWID;

-- down
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE business_keys;
DROP TABLE businesses;
