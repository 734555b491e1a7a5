-- The switches that an operator sets: for everybody, for a channel, or for a business.

-- up
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

-- down
DROP TABLE feature_flags;
