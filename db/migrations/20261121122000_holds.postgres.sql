-- Until when a platform has told a whole integration to wait: a node that starts, and one that cannot ask Redis, must know it.

-- up
ALTER TABLE channel_integrations ADD COLUMN held_until timestamptz;

-- down
ALTER TABLE channel_integrations DROP COLUMN held_until;
