-- What one node at a time does for all: who does it, since when, and how far it has come.

-- up
CREATE TABLE jobs (
    name text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    holder text,
    held_until timestamptz,
    -- Where to go on when a run did not come to its end; {} when the last one did.
    cursor jsonb NOT NULL DEFAULT '{}',
    finished_at timestamptz,
    CHECK (holder IS NULL OR held_until IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO parley_house;

-- down
DROP TABLE jobs;
