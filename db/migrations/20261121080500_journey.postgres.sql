-- Every step and gate that a message passed, with the rule and the value that decided.

-- up
CREATE TABLE journey_events (
    business_id uuid NOT NULL,
    -- The inbox event, turn or delivery that the step is about.
    subject_id uuid NOT NULL,
    id uuid NOT NULL,
    step text NOT NULL,
    verdict text NOT NULL,
    rule text NOT NULL DEFAULT '',
    value text NOT NULL DEFAULT '',
    milliseconds bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, subject_id, id)
) PARTITION BY RANGE (id);
CREATE TABLE journey_events_default PARTITION OF journey_events DEFAULT;

SELECT parley_guard('journey_events');
SELECT parley_guard('journey_events_default');
SELECT parley_make_partitions('journey_events', now(), 5);

-- down
DROP TABLE journey_events;
