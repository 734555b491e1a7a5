-- Every step and gate that a message passed, with the rule and the value that decided.

-- up
CREATE TABLE journey_events (
    business_id TEXT NOT NULL,
    -- The inbox event, turn or delivery that the step is about.
    subject_id TEXT NOT NULL CHECK (length(subject_id) = 36),
    id TEXT NOT NULL CHECK (length(id) = 36),
    step TEXT NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT NOT NULL DEFAULT '',
    value TEXT NOT NULL DEFAULT '',
    milliseconds INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, subject_id, id)
) STRICT;

-- down
DROP TABLE journey_events;
