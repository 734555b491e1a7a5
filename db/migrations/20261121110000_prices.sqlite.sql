-- What a model's tokens cost, and which messages were answered by a model without a price.

-- up
-- Millionths of a US dollar for each million of tokens, from a moment on. Shared by all businesses.
CREATE TABLE model_prices (
    model TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    -- 'shipped' came with Parley; 'set' is the operator's and wins.
    origin TEXT NOT NULL CHECK (origin IN ('shipped', 'set')),
    valid_from INTEGER NOT NULL,
    input_micros INTEGER NOT NULL CHECK (input_micros BETWEEN 0 AND 1000000000000),
    output_micros INTEGER NOT NULL CHECK (output_micros BETWEEN 0 AND 1000000000000),
    cached_micros INTEGER NOT NULL CHECK (cached_micros BETWEEN 0 AND 1000000000000),
    note TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model, origin, valid_from)
) STRICT, WITHOUT ROWID;

-- Of the messages, those whose cost is not in cost_micros.
ALTER TABLE api_usage ADD COLUMN unpriced_messages INTEGER NOT NULL DEFAULT 0;

-- down
ALTER TABLE api_usage DROP COLUMN unpriced_messages;
DROP TABLE model_prices;
