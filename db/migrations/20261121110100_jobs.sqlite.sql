-- What one node at a time does for all: who does it, since when, and how far it has come.

-- up
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    holder TEXT,
    held_until INTEGER,
    -- Where to go on when a run did not come to its end; {} when the last one did.
    cursor TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(cursor)),
    finished_at INTEGER,
    CHECK (holder IS NULL OR held_until IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- down
DROP TABLE jobs;
