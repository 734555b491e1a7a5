-- Retention that holds nobody up: turns whose texts are gone are not looked at again.

-- up
-- Those that still have their texts; the others stay for twice as long and would be read every day.
CREATE INDEX turns_with_texts ON turns (business_id, id) WHERE user_message <> '' OR bot_reply IS NOT NULL;

-- down
DROP INDEX turns_with_texts;
