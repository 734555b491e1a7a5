-- Whether a conversation was told of a limit is one step, however many turns it has.

-- up
CREATE INDEX turns_of_limits ON turns (business_id, conversation_id, id) WHERE outcome = 'limited';

-- down
DROP INDEX turns_of_limits;
