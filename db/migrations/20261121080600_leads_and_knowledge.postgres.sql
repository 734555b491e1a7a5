-- What a business gains from its conversations, and what it tells in them.

-- up
-- Letters without their accents, as the other engine's index has them.
CREATE FUNCTION parley_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(
        lower($1),
        'àáâãäåāăąçćčďđèéêëēėęěìíîïīįłńñňòóôõöøōőŕřśšşșťțţùúûüūůűųýÿžźż',
        'aaaaaaaaacccddeeeeeeeeiiiiiilnnnoooooooorrsssstttuuuuuuuuyyzzz'
    )
$$;

CREATE TABLE leads (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    channel text NOT NULL,
    name text,
    email text,
    phone text,
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'contacted', 'qualified', 'converted', 'lost')),
    source_intent text,
    extra_data jsonb NOT NULL DEFAULT '{}',
    converted_at timestamptz,
    conversion_value_micros bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    -- One lead per contact: enriched, never duplicated.
    UNIQUE (business_id, contact_id),
    FOREIGN KEY (business_id, contact_id) REFERENCES contacts (business_id, id) ON DELETE CASCADE
);

CREATE TABLE knowledge_entries (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    question text COLLATE "C" NOT NULL,
    answer text NOT NULL,
    keywords text NOT NULL DEFAULT '',
    intent text,
    is_active boolean NOT NULL DEFAULT true,
    usage_count bigint NOT NULL DEFAULT 0,
    embedding bytea,
    -- Not indexed by word: row-level security lets no index be used whose operator might leak, and a business's own
    -- entries are few.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', parley_folded(keywords)), 'A')
        || setweight(to_tsvector('english', parley_folded(question)), 'B')
        || setweight(to_tsvector('english', parley_folded(answer)), 'C')
    ) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, question)
);
SELECT parley_guard('leads');
SELECT parley_guard('knowledge_entries');

-- down
DROP TABLE knowledge_entries;
DROP TABLE leads;
DROP FUNCTION parley_folded(text);
