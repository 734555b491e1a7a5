-- The latest messages of a session are found in so many steps as there are messages wanted, however long the conversation.

-- up
CREATE INDEX messages_of_session ON messages (business_id, conversation_id, session_id, id);
DROP INDEX messages_of_conversation;

-- down
CREATE INDEX messages_of_conversation ON messages (business_id, conversation_id, id);
DROP INDEX messages_of_session;
