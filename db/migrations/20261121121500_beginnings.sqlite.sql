-- How often work was begun in vain is a matter of the conversation's lane: it begins with what waits first there, and what
-- waits behind that is not begun. `inbox_events.attempts`, which counted for all that waited, is of no use any more, and goes
-- a version later.

-- up
ALTER TABLE lanes ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;

-- down
ALTER TABLE lanes DROP COLUMN begun;
