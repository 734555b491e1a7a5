-- Assistants, the tool catalogue, live data.

-- up
CREATE TABLE tools (
    name text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    category text NOT NULL,
    description text NOT NULL,
    parameters jsonb NOT NULL,
    triggers jsonb NOT NULL DEFAULT '[]',
    -- 'built_in' is Swift; 'endpoint' is a row of integration_endpoints of the business.
    kind text NOT NULL CHECK (kind IN ('built_in', 'endpoint')),
    is_read_only boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE business_tools (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    tool_name text COLLATE "C" NOT NULL REFERENCES tools (name),
    is_enabled boolean NOT NULL DEFAULT true,
    webhook_url text,
    configuration jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, tool_name)
);

CREATE TABLE agents (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    instructions text NOT NULL,
    -- NULL: the configured default model.
    model text,
    temperature double precision,
    maximum_output_tokens bigint,
    debounce_milliseconds bigint CHECK (debounce_milliseconds BETWEEN 0 AND 60000),
    limits jsonb NOT NULL DEFAULT '{}',
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);
CREATE UNIQUE INDEX one_default_agent ON agents (business_id) WHERE is_default;

CREATE TABLE agent_tools (
    business_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    tool_name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, agent_id, tool_name),
    FOREIGN KEY (business_id, agent_id) REFERENCES agents (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, tool_name) REFERENCES business_tools (business_id, tool_name) ON DELETE CASCADE
);

CREATE TABLE data_integrations (
    business_id uuid NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('shopify', 'woocommerce', 'rest', 'sql')),
    name text NOT NULL,
    base_url text NOT NULL,
    auth_type text NOT NULL DEFAULT 'header' CHECK (auth_type IN ('none', 'header', 'bearer', 'basic')),
    credentials bytea,
    rate_limit_per_minute bigint,
    is_active boolean NOT NULL DEFAULT true,
    last_tested_at timestamptz,
    last_test_result text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id)
);

CREATE TABLE integration_endpoints (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    data_integration_id uuid NOT NULL,
    tool_name text COLLATE "C" NOT NULL REFERENCES tools (name),
    -- What the model is told; the catalogue's row of an endpoint holds its name alone, as it is everybody's.
    description text NOT NULL,
    parameters jsonb NOT NULL,
    triggers jsonb NOT NULL DEFAULT '[]',
    method text NOT NULL DEFAULT 'GET' CHECK (method IN ('GET', 'POST')),
    path_template text NOT NULL,
    response_mapping jsonb NOT NULL DEFAULT '{}',
    cache_seconds bigint NOT NULL DEFAULT 300 CHECK (cache_seconds BETWEEN 0 AND 86400),
    timeout_milliseconds bigint NOT NULL DEFAULT 5000 CHECK (timeout_milliseconds BETWEEN 1 AND 5000),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, tool_name),
    FOREIGN KEY (business_id, data_integration_id) REFERENCES data_integrations (business_id, id) ON DELETE CASCADE
);

SELECT parley_guard('business_tools');
SELECT parley_guard('agents');
SELECT parley_guard('agent_tools');
SELECT parley_guard('data_integrations');
SELECT parley_guard('integration_endpoints');
-- The catalogue is everybody's: a business adds the names of its endpoints, and changes nothing.
GRANT SELECT, INSERT ON tools TO parley_business;
GRANT SELECT, INSERT, UPDATE, DELETE ON tools TO parley_house;

-- down
DROP TABLE integration_endpoints;
DROP TABLE data_integrations;
DROP TABLE agent_tools;
DROP TABLE agents;
DROP TABLE business_tools;
DROP TABLE tools;
