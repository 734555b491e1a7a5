-- Retention that holds nobody up: turns whose texts are gone are not looked at again, and a week is made beside traffic.

-- up
-- Those that still have their texts; the others stay for twice as long and would be read every day.
CREATE INDEX turns_with_texts ON turns (business_id, id) WHERE user_message <> '' OR bot_reply IS NOT NULL;

-- As before, but what the default partition has caught is moved under its lock: a row that came between the moving and the
-- attaching would be of the new week, and keep it from being attached. Whoever calls sets lock_timeout.
CREATE OR REPLACE FUNCTION parley_make_partitions(parent text, start timestamptz, weeks integer) RETURNS integer
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
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
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

-- down
CREATE OR REPLACE FUNCTION parley_make_partitions(parent text, start timestamptz, weeks integer) RETURNS integer
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

DROP INDEX turns_with_texts;
