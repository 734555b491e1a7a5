-- What a model's tokens cost, and which messages were answered by a model without a price.

-- up
-- Millionths of a US dollar for each million of tokens, from a moment on. Shared by all businesses.
CREATE TABLE model_prices (
    model text COLLATE "C" NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    -- 'shipped' came with Parley; 'set' is the operator's and wins.
    origin text COLLATE "C" NOT NULL CHECK (origin IN ('shipped', 'set')),
    valid_from timestamptz NOT NULL,
    input_micros bigint NOT NULL CHECK (input_micros BETWEEN 0 AND 1000000000000),
    output_micros bigint NOT NULL CHECK (output_micros BETWEEN 0 AND 1000000000000),
    cached_micros bigint NOT NULL CHECK (cached_micros BETWEEN 0 AND 1000000000000),
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (model, origin, valid_from)
);
GRANT SELECT ON model_prices TO parley_business;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_prices TO parley_house;

-- Of the messages, those whose cost is not in cost_micros.
ALTER TABLE api_usage ADD COLUMN unpriced_messages bigint NOT NULL DEFAULT 0;

-- down
ALTER TABLE api_usage DROP COLUMN unpriced_messages;
DROP TABLE model_prices;
