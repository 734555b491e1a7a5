-- Assistants, the tool catalogue, live data.

-- up
CREATE TABLE tools (
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    category TEXT NOT NULL,
    description TEXT NOT NULL,
    parameters TEXT NOT NULL CHECK (json_valid(parameters)),
    triggers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(triggers)),
    -- 'built_in' is Swift; 'endpoint' is a row of integration_endpoints of the business.
    kind TEXT NOT NULL CHECK (kind IN ('built_in', 'endpoint')),
    is_read_only INTEGER NOT NULL CHECK (is_read_only IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE business_tools (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    tool_name TEXT NOT NULL REFERENCES tools (name),
    is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
    webhook_url TEXT,
    configuration TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(configuration)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, tool_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    name TEXT NOT NULL,
    instructions TEXT NOT NULL,
    -- NULL: the configured default model.
    model TEXT,
    temperature REAL,
    maximum_output_tokens INTEGER,
    debounce_milliseconds INTEGER CHECK (debounce_milliseconds BETWEEN 0 AND 60000),
    limits TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(limits)),
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;
CREATE UNIQUE INDEX one_default_agent ON agents (business_id) WHERE is_default = 1;

CREATE TABLE agent_tools (
    business_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    tool_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, agent_id, tool_name),
    FOREIGN KEY (business_id, agent_id) REFERENCES agents (business_id, id) ON DELETE CASCADE,
    FOREIGN KEY (business_id, tool_name) REFERENCES business_tools (business_id, tool_name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE data_integrations (
    business_id TEXT NOT NULL REFERENCES businesses (id) ON DELETE CASCADE,
    id TEXT NOT NULL CHECK (length(id) = 36),
    kind TEXT NOT NULL CHECK (kind IN ('shopify', 'woocommerce', 'rest', 'sql')),
    name TEXT NOT NULL,
    base_url TEXT NOT NULL,
    auth_type TEXT NOT NULL DEFAULT 'header' CHECK (auth_type IN ('none', 'header', 'bearer', 'basic')),
    credentials BLOB,
    rate_limit_per_minute INTEGER,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    last_tested_at INTEGER,
    last_test_result TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id)
) STRICT;

CREATE TABLE integration_endpoints (
    business_id TEXT NOT NULL,
    id TEXT NOT NULL CHECK (length(id) = 36),
    data_integration_id TEXT NOT NULL,
    tool_name TEXT NOT NULL REFERENCES tools (name),
    -- What the model is told; the catalogue's row of an endpoint holds its name alone, as it is everybody's.
    description TEXT NOT NULL,
    parameters TEXT NOT NULL CHECK (json_valid(parameters)),
    triggers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(triggers)),
    method TEXT NOT NULL DEFAULT 'GET' CHECK (method IN ('GET', 'POST')),
    path_template TEXT NOT NULL,
    response_mapping TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(response_mapping)),
    cache_seconds INTEGER NOT NULL DEFAULT 300 CHECK (cache_seconds BETWEEN 0 AND 86400),
    timeout_milliseconds INTEGER NOT NULL DEFAULT 5000 CHECK (timeout_milliseconds BETWEEN 1 AND 5000),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (business_id, id),
    UNIQUE (business_id, tool_name),
    FOREIGN KEY (business_id, data_integration_id) REFERENCES data_integrations (business_id, id) ON DELETE CASCADE
) STRICT;

-- down
DROP TABLE integration_endpoints;
DROP TABLE data_integrations;
DROP TABLE agent_tools;
DROP TABLE agents;
DROP TABLE business_tools;
DROP TABLE tools;
