-- Tenants, the people who sign in, and what protects a business's secrets.
-- Ids are UUIDv7; every key of a business's table begins with the business.

-- up
-- Four roles that nobody logs in as. Each transaction takes one of them for its own length (SET LOCAL), so that whoever
-- writes a statement without its business finds nothing. Only migrations, copies and checks run as the login itself, which is
-- a member of parley_house and sees what that sees.
--   parley_business  the rows of the business that parley.business_id names
--   parley_intake    puts webhooks into the inbox, and sees of it no more than their keys
--   parley_dispatch  claims lanes
--   parley_house     the house's own work on all businesses
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['parley_business', 'parley_intake', 'parley_dispatch', 'parley_house'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was quicker
        END;
        IF NOT pg_has_role(current_user, name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
    END LOOP;
END $$;

CREATE FUNCTION parley_business_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('parley.business_id', true), '')::uuid
$$;

-- Puts a table behind the wall: the business sees its own rows, the house all, anybody else none.
CREATE FUNCTION parley_guard(guarded text, key text DEFAULT 'business_id') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
    EXECUTE format(
        'CREATE POLICY of_business ON %I TO parley_business USING (%I = parley_business_id()) WITH CHECK (%I = parley_business_id())',
        guarded, key, key
    );
    EXECUTE format('CREATE POLICY of_house ON %I TO parley_house USING (true) WITH CHECK (true)', guarded);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parley_business, parley_house', guarded);
END $$;

-- The smallest UUIDv7 of a moment: tables that grow without end are cut by their ids, which begin with the time.
CREATE FUNCTION parley_first_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partitions that a table needs for `weeks` weeks from the week of `start`; returns how many were missing.
-- Rows that were caught by the default partition in the meantime move to where they belong.
CREATE FUNCTION parley_make_partitions(parent text, start timestamptz, weeks integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    week timestamp := date_trunc('week', start AT TIME ZONE 'UTC');
    name text;
    lower_id uuid;
    upper_id uuid;
    made integer := 0;
BEGIN
    FOR number IN 1..weeks LOOP
        name := parent || '_p' || to_char(week, 'YYYYMMDD');
        lower_id := parley_first_id(week AT TIME ZONE 'UTC');
        upper_id := parley_first_id((week + interval '7 days') AT TIME ZONE 'UTC');
        IF to_regclass(format('%I', name)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                parent || '_default', lower_id, upper_id, name
            );
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, lower_id, upper_id
            );
            PERFORM parley_guard(name);
            made := made + 1;
        END IF;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $$;

-- Drops the partitions whose every row is older than `moment`; returns their names.
CREATE FUNCTION parley_drop_partitions(parent text, moment timestamptz) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    child record;
BEGIN
    FOR child IN
        SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('%I', parent)) AND c.relname ~ '_p[0-9]{8}$'
        ORDER BY c.relname
    LOOP
        IF to_date(right(child.name, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '7 days' <= moment THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, child.name);
            EXECUTE format('DROP TABLE %I', child.name);
            RETURN NEXT child.name;
        END IF;
    END LOOP;
END $$;

GRANT SELECT ON migrations TO parley_house;

CREATE TABLE businesses (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    owner_id uuid,
    api_key_hash text,
    plan text NOT NULL DEFAULT 'self_hosted',
    settings jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    subscription_tier text NOT NULL DEFAULT 'free',
    subscription_status text NOT NULL DEFAULT 'active',
    trial_ends_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- One data key per business, wrapped by the master key that `master_key_id` names.
CREATE TABLE business_keys (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    version bigint NOT NULL CHECK (version > 0),
    master_key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, version)
);

CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    email text NOT NULL UNIQUE,
    hashed_password text NOT NULL,
    full_name text,
    is_active boolean NOT NULL DEFAULT true,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE memberships (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'agent', 'viewer')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, user_id)
);

SELECT parley_guard('business_keys');
SELECT parley_guard('memberships');
SELECT parley_guard('businesses', 'id');
-- People sign in before it is known for whom.
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO parley_house;

-- down
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE business_keys;
DROP TABLE businesses;
DROP FUNCTION parley_drop_partitions(text, timestamptz);
DROP FUNCTION parley_make_partitions(text, timestamptz, integer);
DROP FUNCTION parley_first_id(timestamptz);
DROP FUNCTION parley_guard(text, text);
DROP FUNCTION parley_business_id();
REVOKE ALL ON migrations FROM parley_house;
-- The roles stay: other databases of the server may use them.
