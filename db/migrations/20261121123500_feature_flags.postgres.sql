-- The switches that an operator sets: for everybody, for a channel, or for a business.

-- up
CREATE TABLE feature_flags (
    -- Null for a flag of the house, which no business sees or makes.
    business_id uuid,
    id uuid NOT NULL PRIMARY KEY,
    -- 'business', 'global', or 'channel:' and its id.
    scope text COLLATE "C" NOT NULL CHECK (scope IN ('business', 'global') OR scope LIKE 'channel:_%'),
    name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    value jsonb NOT NULL,
    -- [{"name", "value", "percent"}], in the order in which they share out the contacts.
    variants jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(variants) = 'array'),
    -- Who is asked about it.
    owner text NOT NULL CHECK (length(owner) BETWEEN 1 AND 200),
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((scope = 'business') = (business_id IS NOT NULL))
);
CREATE UNIQUE INDEX feature_flags_of_business ON feature_flags (business_id, name) WHERE business_id IS NOT NULL;
CREATE UNIQUE INDEX feature_flags_of_house ON feature_flags (name, scope) WHERE business_id IS NULL;
SELECT parley_guard('feature_flags');

-- down
DROP TABLE feature_flags;
