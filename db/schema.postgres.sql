-- What the migrations make. Written by a test, not by hand; see README.md.

GRANT USAGE ON SCHEMA public TO parley_business;
GRANT USAGE ON SCHEMA public TO parley_dispatch;
GRANT USAGE ON SCHEMA public TO parley_house;
GRANT USAGE ON SCHEMA public TO parley_intake;

CREATE OR REPLACE FUNCTION parley_business_id()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    SELECT nullif(current_setting('parley.business_id', true), '')::uuid
$function$;

CREATE OR REPLACE FUNCTION parley_drop_partitions(parent text, moment timestamp with time zone)
 RETURNS SETOF text
 LANGUAGE plpgsql
AS $function$
DECLARE
    child record;
BEGIN
    FOR child IN
        SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(format('%I', parent)) AND c.relname ~ '_p[0-9]{8}$'
        ORDER BY c.relname
    LOOP
        IF to_date(right(child.name, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '7 days' <= moment THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, child.name);
            EXECUTE format('DROP TABLE %I', child.name);
            RETURN NEXT child.name;
        END IF;
    END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION parley_first_id(moment timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$function$;

CREATE OR REPLACE FUNCTION parley_folded(text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT translate(
        lower($1),
        'àáâãäåāăąçćčďđèéêëēėęěìíîïīįłńñňòóôõöøōőŕřśšşșťțţùúûüūůűųýÿžźż',
        'aaaaaaaaacccddeeeeeeeeiiiiiilnnnoooooooorrsssstttuuuuuuuuyyzzz'
    )
$function$;

CREATE OR REPLACE FUNCTION parley_guard(guarded text, key text DEFAULT 'business_id'::text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
    EXECUTE format(
        'CREATE POLICY of_business ON %I TO parley_business USING (%I = parley_business_id()) WITH CHECK (%I = parley_business_id())',
        guarded, key, key
    );
    EXECUTE format('CREATE POLICY of_house ON %I TO parley_house USING (true) WITH CHECK (true)', guarded);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO parley_business, parley_house', guarded);
END $function$;

CREATE OR REPLACE FUNCTION parley_lease_time(given timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    SELECT statement_timestamp()
$function$;

CREATE OR REPLACE FUNCTION parley_make_partitions(parent text, start timestamp with time zone, weeks integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
DECLARE
    week timestamp := date_trunc('week', start AT TIME ZONE 'UTC');
    name text;
    lower_id uuid;
    upper_id uuid;
    made integer := 0;
BEGIN
    FOR number IN 1..weeks LOOP
        name := parent || '_p' || to_char(week, 'YYYYMMDD');
        lower_id := parley_first_id(week AT TIME ZONE 'UTC');
        upper_id := parley_first_id((week + interval '7 days') AT TIME ZONE 'UTC');
        IF to_regclass(format('%I', name)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                parent || '_default', lower_id, upper_id, name
            );
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, lower_id, upper_id
            );
            PERFORM parley_guard(name);
            made := made + 1;
        END IF;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $function$;

CREATE SEQUENCE fence_sequence AS bigint;
GRANT USAGE ON SEQUENCE fence_sequence TO parley_business;
GRANT USAGE ON SEQUENCE fence_sequence TO parley_dispatch;
GRANT USAGE ON SEQUENCE fence_sequence TO parley_house;

CREATE TABLE agent_tools (
    business_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    tool_name text COLLATE "C" NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT agent_tools_pkey PRIMARY KEY (business_id, agent_id, tool_name),
    CONSTRAINT agent_tools_business_id_agent_id_fkey FOREIGN KEY (business_id, agent_id) REFERENCES agents(business_id, id) ON DELETE CASCADE,
    CONSTRAINT agent_tools_business_id_tool_name_fkey FOREIGN KEY (business_id, tool_name) REFERENCES business_tools(business_id, tool_name) ON DELETE CASCADE
);
ALTER TABLE agent_tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_tools FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON agent_tools TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON agent_tools TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON agent_tools TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON agent_tools TO parley_house;

CREATE TABLE agents (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    instructions text NOT NULL,
    model text,
    temperature double precision,
    maximum_output_tokens bigint,
    debounce_milliseconds bigint,
    limits jsonb NOT NULL DEFAULT '{}'::jsonb,
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT agents_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT agents_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT agents_debounce_milliseconds_check CHECK (((debounce_milliseconds >= 0) AND (debounce_milliseconds <= 60000)))
);
CREATE UNIQUE INDEX one_default_agent ON agents USING btree (business_id) WHERE is_default;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON agents TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON agents TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON agents TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON agents TO parley_house;

CREATE TABLE analytics_events (
    business_id uuid,
    id uuid NOT NULL,
    event_type text NOT NULL,
    event_category text NOT NULL,
    event_value double precision,
    event_data jsonb NOT NULL DEFAULT '{}'::jsonb,
    channel text,
    contact_id uuid,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT analytics_events_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX analytics_of_business ON analytics_events USING btree (business_id, event_type, created_at);
ALTER TABLE analytics_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics_events FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON analytics_events TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON analytics_events TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON analytics_events TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON analytics_events TO parley_house;

CREATE TABLE analytics_events_default PARTITION OF analytics_events DEFAULT;
ALTER TABLE analytics_events_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics_events_default FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON analytics_events_default TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON analytics_events_default TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON analytics_events_default TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON analytics_events_default TO parley_house;

CREATE TABLE api_usage (
    business_id uuid NOT NULL,
    day text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    messages bigint NOT NULL DEFAULT 0,
    tokens_in bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    tokens_cached bigint NOT NULL DEFAULT 0,
    tool_calls bigint NOT NULL DEFAULT 0,
    cost_micros bigint NOT NULL DEFAULT 0,
    unpriced_messages bigint NOT NULL DEFAULT 0,
    CONSTRAINT api_usage_pkey PRIMARY KEY (business_id, day, model),
    CONSTRAINT api_usage_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT api_usage_day_check CHECK ((length(day) = 10))
);
ALTER TABLE api_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON api_usage TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON api_usage TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON api_usage TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON api_usage TO parley_house;

CREATE TABLE business_keys (
    business_id uuid NOT NULL,
    version bigint NOT NULL,
    master_key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT business_keys_pkey PRIMARY KEY (business_id, version),
    CONSTRAINT business_keys_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT business_keys_version_check CHECK ((version > 0))
);
ALTER TABLE business_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE business_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON business_keys TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON business_keys TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON business_keys TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON business_keys TO parley_house;

CREATE TABLE business_tools (
    business_id uuid NOT NULL,
    tool_name text COLLATE "C" NOT NULL,
    is_enabled boolean NOT NULL DEFAULT true,
    webhook_url text,
    configuration jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT business_tools_pkey PRIMARY KEY (business_id, tool_name),
    CONSTRAINT business_tools_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT business_tools_tool_name_fkey FOREIGN KEY (tool_name) REFERENCES tools(name)
);
ALTER TABLE business_tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE business_tools FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON business_tools TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON business_tools TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON business_tools TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON business_tools TO parley_house;

CREATE TABLE businesses (
    id uuid NOT NULL,
    name text NOT NULL,
    owner_id uuid,
    api_key_hash text,
    plan text NOT NULL DEFAULT 'self_hosted'::text,
    settings jsonb NOT NULL DEFAULT '{}'::jsonb,
    is_active boolean NOT NULL DEFAULT true,
    subscription_tier text NOT NULL DEFAULT 'free'::text,
    subscription_status text NOT NULL DEFAULT 'active'::text,
    trial_ends_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT businesses_pkey PRIMARY KEY (id),
    CONSTRAINT businesses_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
ALTER TABLE businesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE businesses FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON businesses TO parley_business USING ((id = parley_business_id())) WITH CHECK ((id = parley_business_id()));
CREATE POLICY of_house ON businesses TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON businesses TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON businesses TO parley_house;

CREATE TABLE channel_configs (
    business_id uuid NOT NULL,
    channel text NOT NULL,
    default_model text,
    rate_limits jsonb NOT NULL DEFAULT '{}'::jsonb,
    settings jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT channel_configs_pkey PRIMARY KEY (business_id, channel),
    CONSTRAINT channel_configs_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE
);
ALTER TABLE channel_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_configs FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON channel_configs TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON channel_configs TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_configs TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_configs TO parley_house;

CREATE TABLE channel_integrations (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL,
    channel_name text NOT NULL,
    credentials bytea NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}'::jsonb,
    webhook_url text,
    is_active boolean NOT NULL DEFAULT true,
    health text NOT NULL DEFAULT 'unknown'::text,
    last_sync_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    held_until timestamp with time zone,
    CONSTRAINT channel_integrations_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT channel_integrations_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT channel_integrations_health_check CHECK ((health = ANY (ARRAY['unknown'::text, 'ok'::text, 'refused'::text])))
);
CREATE INDEX integrations_by_id ON channel_integrations USING btree (id);
ALTER TABLE channel_integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_integrations FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON channel_integrations TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON channel_integrations TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_integrations TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_integrations TO parley_house;

CREATE TABLE contact_identities (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    channel_user_id text NOT NULL,
    contact_id uuid NOT NULL,
    username text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT contact_identities_pkey PRIMARY KEY (business_id, channel_integration_id, channel_user_id),
    CONSTRAINT contact_identities_business_id_channel_integration_id_fkey FOREIGN KEY (business_id, channel_integration_id) REFERENCES channel_integrations(business_id, id) ON DELETE CASCADE,
    CONSTRAINT contact_identities_business_id_contact_id_fkey FOREIGN KEY (business_id, contact_id) REFERENCES contacts(business_id, id) ON DELETE CASCADE
);
CREATE INDEX identities_of_contact ON contact_identities USING btree (business_id, contact_id);
ALTER TABLE contact_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON contact_identities TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON contact_identities TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON contact_identities TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON contact_identities TO parley_house;

CREATE TABLE contacts (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    name text,
    email text,
    phone text,
    preferred_model text,
    locale text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT contacts_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT contacts_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE
);
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON contacts TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON contacts TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON contacts TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON contacts TO parley_house;

CREATE TABLE conversation_memory (
    business_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    channel text NOT NULL,
    last_intent text,
    message_count bigint NOT NULL DEFAULT 0,
    context_data jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT conversation_memory_pkey PRIMARY KEY (business_id, contact_id, channel),
    CONSTRAINT conversation_memory_business_id_contact_id_fkey FOREIGN KEY (business_id, contact_id) REFERENCES contacts(business_id, id) ON DELETE CASCADE
);
ALTER TABLE conversation_memory ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_memory FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON conversation_memory TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON conversation_memory TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_memory TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_memory TO parley_house;

CREATE TABLE conversation_participants (
    business_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT conversation_participants_pkey PRIMARY KEY (business_id, conversation_id, contact_id),
    CONSTRAINT conversation_participants_business_id_contact_id_fkey FOREIGN KEY (business_id, contact_id) REFERENCES contacts(business_id, id) ON DELETE CASCADE,
    CONSTRAINT conversation_participants_business_id_conversation_id_fkey FOREIGN KEY (business_id, conversation_id) REFERENCES conversations(business_id, id) ON DELETE CASCADE
);
ALTER TABLE conversation_participants ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_participants FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON conversation_participants TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON conversation_participants TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_participants TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_participants TO parley_house;

CREATE TABLE conversation_tags (
    business_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tag text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT conversation_tags_pkey PRIMARY KEY (business_id, conversation_id, tag),
    CONSTRAINT conversation_tags_business_id_conversation_id_fkey FOREIGN KEY (business_id, conversation_id) REFERENCES conversations(business_id, id) ON DELETE CASCADE
);
ALTER TABLE conversation_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON conversation_tags TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON conversation_tags TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_tags TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON conversation_tags TO parley_house;

CREATE TABLE conversations (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text NOT NULL,
    contact_id uuid NOT NULL,
    model_override text,
    is_active boolean NOT NULL DEFAULT true,
    owner text NOT NULL DEFAULT 'agent'::text,
    owner_until timestamp with time zone,
    session_id uuid NOT NULL,
    session_started_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    last_activity_at timestamp with time zone NOT NULL,
    message_count bigint NOT NULL DEFAULT 0,
    token_count bigint NOT NULL DEFAULT 0,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT conversations_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT conversations_business_id_channel_integration_id_conversati_key UNIQUE (business_id, channel_integration_id, conversation_key),
    CONSTRAINT conversations_business_id_channel_integration_id_fkey FOREIGN KEY (business_id, channel_integration_id) REFERENCES channel_integrations(business_id, id) ON DELETE CASCADE,
    CONSTRAINT conversations_business_id_contact_id_fkey FOREIGN KEY (business_id, contact_id) REFERENCES contacts(business_id, id),
    CONSTRAINT conversations_owner_check CHECK ((owner = ANY (ARRAY['agent'::text, 'human'::text])))
);
ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON conversations TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON conversations TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON conversations TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON conversations TO parley_house;

CREATE TABLE data_integrations (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    base_url text NOT NULL,
    auth_type text NOT NULL DEFAULT 'header'::text,
    credentials bytea,
    rate_limit_per_minute bigint,
    is_active boolean NOT NULL DEFAULT true,
    last_tested_at timestamp with time zone,
    last_test_result text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT data_integrations_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT data_integrations_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT data_integrations_auth_type_check CHECK ((auth_type = ANY (ARRAY['none'::text, 'header'::text, 'bearer'::text, 'basic'::text]))),
    CONSTRAINT data_integrations_kind_check CHECK ((kind = ANY (ARRAY['shopify'::text, 'woocommerce'::text, 'rest'::text, 'sql'::text])))
);
ALTER TABLE data_integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_integrations FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON data_integrations TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON data_integrations TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON data_integrations TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON data_integrations TO parley_house;

CREATE TABLE deliveries (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    conversation_id uuid NOT NULL,
    turn_id uuid,
    message_id uuid,
    position bigint NOT NULL,
    address jsonb NOT NULL,
    payload jsonb NOT NULL,
    text text NOT NULL,
    state text NOT NULL DEFAULT 'waiting'::text,
    attempts bigint NOT NULL DEFAULT 0,
    uses_plain_text boolean NOT NULL DEFAULT false,
    may_be_duplicate boolean NOT NULL DEFAULT false,
    not_before timestamp with time zone NOT NULL,
    platform_message_id text,
    dead_reason text,
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT deliveries_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'uncertain'::text, 'delivered'::text, 'dead'::text])))
);
CREATE INDEX deliveries_by_platform_id ON deliveries USING btree (business_id, channel_integration_id, platform_message_id) WHERE (platform_message_id IS NOT NULL);
CREATE INDEX deliveries_dead ON deliveries USING btree (business_id, id) WHERE (state = 'dead'::text);
CREATE INDEX deliveries_waiting ON deliveries USING btree (business_id, channel_integration_id, conversation_key, "position") WHERE (settled_at IS NULL);
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON deliveries TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON deliveries TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON deliveries TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON deliveries TO parley_house;

CREATE TABLE delivery_attempts (
    business_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    attempt bigint NOT NULL,
    verdict text NOT NULL,
    reason text,
    milliseconds bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT delivery_attempts_pkey PRIMARY KEY (business_id, delivery_id, attempt)
);
ALTER TABLE delivery_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery_attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON delivery_attempts TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON delivery_attempts TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON delivery_attempts TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON delivery_attempts TO parley_house;

CREATE TABLE feature_flags (
    business_id uuid,
    id uuid NOT NULL,
    scope text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    variants jsonb NOT NULL DEFAULT '[]'::jsonb,
    owner text NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT feature_flags_pkey PRIMARY KEY (id),
    CONSTRAINT feature_flags_check CHECK (((scope = 'business'::text) = (business_id IS NOT NULL))),
    CONSTRAINT feature_flags_name_check CHECK (((length(name) >= 1) AND (length(name) <= 64))),
    CONSTRAINT feature_flags_owner_check CHECK (((length(owner) >= 1) AND (length(owner) <= 200))),
    CONSTRAINT feature_flags_scope_check CHECK (((scope = ANY (ARRAY['business'::text, 'global'::text])) OR (scope ~~ 'channel:_%'::text))),
    CONSTRAINT feature_flags_variants_check CHECK ((jsonb_typeof(variants) = 'array'::text))
);
CREATE UNIQUE INDEX feature_flags_of_business ON feature_flags USING btree (business_id, name) WHERE (business_id IS NOT NULL);
CREATE UNIQUE INDEX feature_flags_of_house ON feature_flags USING btree (name, scope) WHERE (business_id IS NULL);
ALTER TABLE feature_flags ENABLE ROW LEVEL SECURITY;
ALTER TABLE feature_flags FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON feature_flags TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON feature_flags TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON feature_flags TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON feature_flags TO parley_house;

CREATE TABLE inbox_events (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    dedupe_key text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    position bigint NOT NULL,
    event jsonb NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    turn_id uuid,
    received_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT inbox_events_pkey PRIMARY KEY (business_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX inbox_of_turn ON inbox_events USING btree (business_id, turn_id) WHERE (turn_id IS NOT NULL);
CREATE INDEX inbox_waiting ON inbox_events USING btree (business_id, channel_integration_id, conversation_key, "position") WHERE (closed_at IS NULL);
ALTER TABLE inbox_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbox_events FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON inbox_events TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_dispatch ON inbox_events TO parley_dispatch USING (true) WITH CHECK (true);
CREATE POLICY of_house ON inbox_events TO parley_house USING (true) WITH CHECK (true);
CREATE POLICY of_intake ON inbox_events FOR INSERT TO parley_intake WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_events TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_events TO parley_house;
GRANT INSERT ON inbox_events TO parley_intake;
GRANT SELECT (attempts, business_id, channel_integration_id, closed_at, conversation_key) ON inbox_events TO parley_dispatch;
GRANT UPDATE (attempts) ON inbox_events TO parley_dispatch;

CREATE TABLE inbox_events_default PARTITION OF inbox_events DEFAULT;
ALTER TABLE inbox_events_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbox_events_default FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON inbox_events_default TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON inbox_events_default TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_events_default TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_events_default TO parley_house;

CREATE TABLE inbox_keys (
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    dedupe_key text COLLATE "C" NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT inbox_keys_pkey PRIMARY KEY (business_id, channel_integration_id, dedupe_key)
);
CREATE INDEX inbox_keys_by_time ON inbox_keys USING brin (received_at);
ALTER TABLE inbox_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbox_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON inbox_keys TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON inbox_keys TO parley_house USING (true) WITH CHECK (true);
CREATE POLICY of_intake ON inbox_keys TO parley_intake USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_keys TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON inbox_keys TO parley_house;
GRANT INSERT, SELECT ON inbox_keys TO parley_intake;

CREATE TABLE integration_endpoints (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    data_integration_id uuid NOT NULL,
    tool_name text COLLATE "C" NOT NULL,
    description text NOT NULL,
    parameters jsonb NOT NULL,
    triggers jsonb NOT NULL DEFAULT '[]'::jsonb,
    method text NOT NULL DEFAULT 'GET'::text,
    path_template text NOT NULL,
    response_mapping jsonb NOT NULL DEFAULT '{}'::jsonb,
    cache_seconds bigint NOT NULL DEFAULT 300,
    timeout_milliseconds bigint NOT NULL DEFAULT 5000,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT integration_endpoints_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT integration_endpoints_business_id_tool_name_key UNIQUE (business_id, tool_name),
    CONSTRAINT integration_endpoints_business_id_data_integration_id_fkey FOREIGN KEY (business_id, data_integration_id) REFERENCES data_integrations(business_id, id) ON DELETE CASCADE,
    CONSTRAINT integration_endpoints_tool_name_fkey FOREIGN KEY (tool_name) REFERENCES tools(name),
    CONSTRAINT integration_endpoints_cache_seconds_check CHECK (((cache_seconds >= 0) AND (cache_seconds <= 86400))),
    CONSTRAINT integration_endpoints_method_check CHECK ((method = ANY (ARRAY['GET'::text, 'POST'::text]))),
    CONSTRAINT integration_endpoints_timeout_milliseconds_check CHECK (((timeout_milliseconds >= 1) AND (timeout_milliseconds <= 5000)))
);
ALTER TABLE integration_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE integration_endpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON integration_endpoints TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON integration_endpoints TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON integration_endpoints TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON integration_endpoints TO parley_house;

CREATE TABLE jobs (
    name text COLLATE "C" NOT NULL,
    holder text,
    held_until timestamp with time zone,
    cursor jsonb NOT NULL DEFAULT '{}'::jsonb,
    finished_at timestamp with time zone,
    CONSTRAINT jobs_pkey PRIMARY KEY (name),
    CONSTRAINT jobs_check CHECK (((holder IS NULL) OR (held_until IS NOT NULL))),
    CONSTRAINT jobs_name_check CHECK (((length(name) >= 1) AND (length(name) <= 64)))
);
GRANT DELETE, INSERT, SELECT, UPDATE ON jobs TO parley_house;

CREATE TABLE journey_events (
    business_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    id uuid NOT NULL,
    step text NOT NULL,
    verdict text NOT NULL,
    rule text NOT NULL DEFAULT ''::text,
    value text NOT NULL DEFAULT ''::text,
    milliseconds bigint NOT NULL DEFAULT 0,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT journey_events_pkey PRIMARY KEY (business_id, subject_id, id)
) PARTITION BY RANGE (id);
ALTER TABLE journey_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE journey_events FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON journey_events TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON journey_events TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON journey_events TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON journey_events TO parley_house;

CREATE TABLE journey_events_default PARTITION OF journey_events DEFAULT;
ALTER TABLE journey_events_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE journey_events_default FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON journey_events_default TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON journey_events_default TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON journey_events_default TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON journey_events_default TO parley_house;

CREATE TABLE knowledge_entries (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    question text COLLATE "C" NOT NULL,
    answer text NOT NULL,
    keywords text NOT NULL DEFAULT ''::text,
    intent text,
    is_active boolean NOT NULL DEFAULT true,
    usage_count bigint NOT NULL DEFAULT 0,
    embedding bytea,
    search tsvector NOT NULL GENERATED ALWAYS AS (((setweight(to_tsvector('english'::regconfig, parley_folded(keywords)), 'A'::"char") || setweight(to_tsvector('english'::regconfig, parley_folded(question)), 'B'::"char")) || setweight(to_tsvector('english'::regconfig, parley_folded(answer)), 'C'::"char"))) STORED,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT knowledge_entries_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT knowledge_entries_business_id_question_key UNIQUE (business_id, question),
    CONSTRAINT knowledge_entries_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE
);
ALTER TABLE knowledge_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON knowledge_entries TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON knowledge_entries TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON knowledge_entries TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON knowledge_entries TO parley_house;

CREATE TABLE lanes (
    act text NOT NULL,
    business_id uuid NOT NULL,
    channel_integration_id uuid NOT NULL,
    conversation_key text COLLATE "C" NOT NULL,
    claimable_at timestamp with time zone NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    holder text,
    fence bigint NOT NULL DEFAULT 0,
    begun bigint NOT NULL DEFAULT 0,
    CONSTRAINT lanes_pkey PRIMARY KEY (business_id, act, channel_integration_id, conversation_key),
    CONSTRAINT lanes_act_check CHECK ((act = ANY (ARRAY['answer'::text, 'deliver'::text])))
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.0, autovacuum_vacuum_threshold=2000);
CREATE INDEX lanes_by_time ON lanes USING btree (act, claimable_at);
ALTER TABLE lanes ENABLE ROW LEVEL SECURITY;
ALTER TABLE lanes FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON lanes TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_dispatch ON lanes TO parley_dispatch USING (true) WITH CHECK (true);
CREATE POLICY of_house ON lanes TO parley_house USING (true) WITH CHECK (true);
CREATE POLICY of_intake ON lanes TO parley_intake USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON lanes TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON lanes TO parley_house;
GRANT INSERT, SELECT ON lanes TO parley_intake;
GRANT SELECT, UPDATE ON lanes TO parley_dispatch;
GRANT UPDATE (claimable_at) ON lanes TO parley_intake;

CREATE TABLE leads (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    contact_id uuid NOT NULL,
    channel text NOT NULL,
    name text,
    email text,
    phone text,
    status text NOT NULL DEFAULT 'new'::text,
    source_intent text,
    extra_data jsonb NOT NULL DEFAULT '{}'::jsonb,
    converted_at timestamp with time zone,
    conversion_value_micros bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT leads_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT leads_business_id_contact_id_key UNIQUE (business_id, contact_id),
    CONSTRAINT leads_business_id_contact_id_fkey FOREIGN KEY (business_id, contact_id) REFERENCES contacts(business_id, id) ON DELETE CASCADE,
    CONSTRAINT leads_status_check CHECK ((status = ANY (ARRAY['new'::text, 'contacted'::text, 'qualified'::text, 'converted'::text, 'lost'::text])))
);
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
ALTER TABLE leads FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON leads TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON leads TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON leads TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON leads TO parley_house;

CREATE TABLE memberships (
    business_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (business_id, user_id),
    CONSTRAINT memberships_business_id_fkey FOREIGN KEY (business_id) REFERENCES businesses(id) ON DELETE CASCADE,
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'agent'::text, 'viewer'::text])))
);
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON memberships TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON memberships TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO parley_house;

CREATE TABLE messages (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    session_id uuid NOT NULL,
    turn_id uuid,
    contact_id uuid,
    role text NOT NULL,
    content text NOT NULL,
    message_type text NOT NULL DEFAULT 'text'::text,
    intent text,
    is_from_user boolean NOT NULL,
    token_count bigint NOT NULL DEFAULT 0,
    model_used text,
    platform_message_id text,
    platform_time timestamp with time zone,
    delivery_state text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT messages_business_id_conversation_id_fkey FOREIGN KEY (business_id, conversation_id) REFERENCES conversations(business_id, id) ON DELETE CASCADE,
    CONSTRAINT messages_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text, 'system'::text, 'human'::text])))
) PARTITION BY RANGE (id);
CREATE INDEX messages_of_session ON messages USING btree (business_id, conversation_id, session_id, id);
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON messages TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON messages TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON messages TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON messages TO parley_house;

CREATE TABLE messages_default PARTITION OF messages DEFAULT;
ALTER TABLE messages_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages_default FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON messages_default TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON messages_default TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON messages_default TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON messages_default TO parley_house;

CREATE TABLE migrations (
    version text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at bigint NOT NULL,
    CONSTRAINT migrations_pkey PRIMARY KEY (version)
);
GRANT SELECT ON migrations TO parley_house;

CREATE TABLE model_prices (
    model text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    input_micros bigint NOT NULL,
    output_micros bigint NOT NULL,
    cached_micros bigint NOT NULL,
    note text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT model_prices_pkey PRIMARY KEY (model, origin, valid_from),
    CONSTRAINT model_prices_cached_micros_check CHECK (((cached_micros >= 0) AND (cached_micros <= '1000000000000'::bigint))),
    CONSTRAINT model_prices_input_micros_check CHECK (((input_micros >= 0) AND (input_micros <= '1000000000000'::bigint))),
    CONSTRAINT model_prices_model_check CHECK (((length(model) >= 1) AND (length(model) <= 200))),
    CONSTRAINT model_prices_origin_check CHECK ((origin = ANY (ARRAY['shipped'::text, 'set'::text]))),
    CONSTRAINT model_prices_output_micros_check CHECK (((output_micros >= 0) AND (output_micros <= '1000000000000'::bigint)))
);
GRANT DELETE, INSERT, SELECT, UPDATE ON model_prices TO parley_house;
GRANT SELECT ON model_prices TO parley_business;

CREATE TABLE tool_executions (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    turn_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tool_name text NOT NULL,
    arguments text NOT NULL,
    result_digest text NOT NULL,
    is_error boolean NOT NULL,
    is_cache_hit boolean NOT NULL,
    milliseconds bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT tool_executions_pkey PRIMARY KEY (business_id, id)
);
CREATE INDEX tool_executions_of_turn ON tool_executions USING btree (business_id, turn_id);
ALTER TABLE tool_executions ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_executions FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON tool_executions TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON tool_executions TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON tool_executions TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON tool_executions TO parley_house;

CREATE TABLE tools (
    name text COLLATE "C" NOT NULL,
    category text NOT NULL,
    description text NOT NULL,
    parameters jsonb NOT NULL,
    triggers jsonb NOT NULL DEFAULT '[]'::jsonb,
    kind text NOT NULL,
    is_read_only boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT tools_pkey PRIMARY KEY (name),
    CONSTRAINT tools_kind_check CHECK ((kind = ANY (ARRAY['built_in'::text, 'endpoint'::text]))),
    CONSTRAINT tools_name_check CHECK (((length(name) >= 1) AND (length(name) <= 64)))
);
GRANT DELETE, INSERT, SELECT, UPDATE ON tools TO parley_house;
GRANT INSERT, SELECT ON tools TO parley_business;

CREATE TABLE turns (
    business_id uuid NOT NULL,
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    session_id uuid NOT NULL,
    contact_id uuid,
    user_message text NOT NULL,
    bot_reply text,
    intent text,
    model_name text,
    prompt_version text,
    tokens_in bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    tokens_cached bigint NOT NULL DEFAULT 0,
    cost_micros bigint,
    latency_milliseconds bigint NOT NULL DEFAULT 0,
    outcome text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT turns_pkey PRIMARY KEY (business_id, id),
    CONSTRAINT turns_business_id_conversation_id_fkey FOREIGN KEY (business_id, conversation_id) REFERENCES conversations(business_id, id) ON DELETE CASCADE,
    CONSTRAINT turns_outcome_check CHECK ((outcome = ANY (ARRAY['answered'::text, 'apologised'::text, 'limited'::text, 'gated'::text, 'no_reply'::text])))
);
CREATE INDEX turns_of_conversation ON turns USING btree (business_id, conversation_id, id);
CREATE INDEX turns_of_limits ON turns USING btree (business_id, conversation_id, id) WHERE (outcome = 'limited'::text);
CREATE INDEX turns_with_texts ON turns USING btree (business_id, id) WHERE ((user_message <> ''::text) OR (bot_reply IS NOT NULL));
ALTER TABLE turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE turns FORCE ROW LEVEL SECURITY;
CREATE POLICY of_business ON turns TO parley_business USING ((business_id = parley_business_id())) WITH CHECK ((business_id = parley_business_id()));
CREATE POLICY of_house ON turns TO parley_house USING (true) WITH CHECK (true);
GRANT DELETE, INSERT, SELECT, UPDATE ON turns TO parley_business;
GRANT DELETE, INSERT, SELECT, UPDATE ON turns TO parley_house;

CREATE TABLE users (
    id uuid NOT NULL,
    email text NOT NULL,
    hashed_password text NOT NULL,
    full_name text,
    is_active boolean NOT NULL DEFAULT true,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON users TO parley_house;
