-- What a business gains from its conversations, and what it tells in them.

-- up
CREATE TABLE leads (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    contact_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    name TEXT,
    email TEXT,
    phone TEXT,
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'contacted', 'qualified', 'converted', 'lost')),
    source_intent TEXT,
    extra_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra_data)),
    converted_at INTEGER,
    conversion_value_micros INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    -- One lead per contact: enriched, never duplicated.
    UNIQUE (business_id, contact_id),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE knowledge_entries (
    -- Ties the entry to its row in the full-text index; an explicit key, because VACUUM renumbers implicit ones.
    search_row INTEGER NOT NULL PRIMARY KEY,
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL CHECK (length(id) = 36),
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    keywords TEXT NOT NULL DEFAULT '',
    intent TEXT,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    usage_count INTEGER NOT NULL DEFAULT 0,
    embedding BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (business_id, id),
    UNIQUE (business_id, question)
) STRICT;

-- The business is an indexed word of every row (its id without dashes), so that a search reads its own rows only.
CREATE VIRTUAL TABLE knowledge_search USING fts5 (
    business, question, answer, keywords, tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER knowledge_inserted AFTER INSERT ON knowledge_entries BEGIN
    INSERT INTO knowledge_search (rowid, business, question, answer, keywords)
    VALUES (new.search_row, replace(new.business_id, '-', ''), new.question, new.answer, new.keywords);
END;
CREATE TRIGGER knowledge_updated AFTER UPDATE OF question, answer, keywords ON knowledge_entries BEGIN
    DELETE FROM knowledge_search WHERE rowid = old.search_row;
    INSERT INTO knowledge_search (rowid, business, question, answer, keywords)
    VALUES (new.search_row, replace(new.business_id, '-', ''), new.question, new.answer, new.keywords);
END;
CREATE TRIGGER knowledge_deleted AFTER DELETE ON knowledge_entries BEGIN
    DELETE FROM knowledge_search WHERE rowid = old.search_row;
END;

-- down
DROP TRIGGER knowledge_deleted;
DROP TRIGGER knowledge_updated;
DROP TRIGGER knowledge_inserted;
DROP TABLE knowledge_search;
DROP TABLE knowledge_entries;
DROP TABLE leads;
