-- The roles may be taken, on PostgreSQL 16 and later too.
-- There a login that creates a role becomes its administrator, and a member in name only: `MEMBER` is true of it, and SET
-- ROLE is refused until it has granted the role to itself. Before 16 there is nothing to do.

-- up
DO $$
DECLARE
    name text;
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        FOREACH name IN ARRAY ARRAY['parley_business', 'parley_intake', 'parley_dispatch', 'parley_house'] LOOP
            IF NOT (pg_has_role(current_user, name, 'SET') AND pg_has_role(current_user, name, 'USAGE')) THEN
                EXECUTE format('GRANT %I TO CURRENT_USER', name);
            END IF;
        END LOOP;
    END IF;
END $$;

-- down
-- The grants stay, as the roles do: other databases of the server may use them.
