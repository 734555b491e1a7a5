-- A business's credentials on the channels.

-- up
CREATE TABLE channel_integrations (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    channel text NOT NULL,
    channel_name text NOT NULL,
    -- AES-256-GCM under the business's data key; the associated data binds table, column, row and business.
    credentials bytea NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    webhook_url text,
    is_active boolean NOT NULL DEFAULT true,
    health text NOT NULL DEFAULT 'unknown' CHECK (health IN ('unknown', 'ok', 'refused')),
    last_sync_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);
-- A webhook's address names the integration and no business. Not a unique one: keys begin with the business.
CREATE INDEX integrations_by_id ON channel_integrations (id);

CREATE TABLE channel_configs (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    channel text NOT NULL,
    default_model text,
    rate_limits jsonb NOT NULL DEFAULT '{}',
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, channel)
);

SELECT parley_guard('channel_integrations');
SELECT parley_guard('channel_configs');

-- down
DROP TABLE channel_configs;
DROP TABLE channel_integrations;
