/// The migrations as they lie in `db/migrations`, embedded in the binary, in the order in which they are applied.
///
/// The build replaces the leading digit of a file's name by `_`, and its dots, to name a value.
package enum MigrationFiles {
    package struct File: Sendable {
        /// `20261121080000_businesses.sqlite.sql`
        package let name: String
        package let text: String

        fileprivate init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            text = String(decoding: bytes, as: UTF8.self)
        }
    }

    package static var all: [File] {
        [
            File("20261121080000_businesses.postgres.sql", PackageResources._0261121080000_businesses_postgres_sql),
            File("20261121080000_businesses.sqlite.sql", PackageResources._0261121080000_businesses_sqlite_sql),
            File(
                "20261121080100_channel_integrations.postgres.sql",
                PackageResources._0261121080100_channel_integrations_postgres_sql
            ),
            File(
                "20261121080100_channel_integrations.sqlite.sql",
                PackageResources._0261121080100_channel_integrations_sqlite_sql
            ),
            File(
                "20261121080200_agents_and_tools.postgres.sql",
                PackageResources._0261121080200_agents_and_tools_postgres_sql
            ),
            File(
                "20261121080200_agents_and_tools.sqlite.sql",
                PackageResources._0261121080200_agents_and_tools_sqlite_sql
            ),
            File(
                "20261121080300_conversations.postgres.sql",
                PackageResources._0261121080300_conversations_postgres_sql
            ),
            File("20261121080300_conversations.sqlite.sql", PackageResources._0261121080300_conversations_sqlite_sql),
            File(
                "20261121080400_inbox_and_outbox.postgres.sql",
                PackageResources._0261121080400_inbox_and_outbox_postgres_sql
            ),
            File(
                "20261121080400_inbox_and_outbox.sqlite.sql",
                PackageResources._0261121080400_inbox_and_outbox_sqlite_sql
            ),
            File("20261121080500_journey.postgres.sql", PackageResources._0261121080500_journey_postgres_sql),
            File("20261121080500_journey.sqlite.sql", PackageResources._0261121080500_journey_sqlite_sql),
            File(
                "20261121080600_leads_and_knowledge.postgres.sql",
                PackageResources._0261121080600_leads_and_knowledge_postgres_sql
            ),
            File(
                "20261121080600_leads_and_knowledge.sqlite.sql",
                PackageResources._0261121080600_leads_and_knowledge_sqlite_sql
            ),
            File(
                "20261121080700_usage_and_analytics.postgres.sql",
                PackageResources._0261121080700_usage_and_analytics_postgres_sql
            ),
            File(
                "20261121080700_usage_and_analytics.sqlite.sql",
                PackageResources._0261121080700_usage_and_analytics_sqlite_sql
            ),
            File("20261121110000_prices.sqlite.sql", PackageResources._0261121110000_prices_sqlite_sql),
            File("20261121110000_prices.postgres.sql", PackageResources._0261121110000_prices_postgres_sql),
            File("20261121110100_jobs.sqlite.sql", PackageResources._0261121110100_jobs_sqlite_sql),
            File("20261121110100_jobs.postgres.sql", PackageResources._0261121110100_jobs_postgres_sql),
            File(
                "20261121115000_roles_to_take.postgres.sql",
                PackageResources._0261121115000_roles_to_take_postgres_sql
            ),
            File("20261121121500_beginnings.sqlite.sql", PackageResources._0261121121500_beginnings_sqlite_sql),
            File("20261121121500_beginnings.postgres.sql", PackageResources._0261121121500_beginnings_postgres_sql),
            File("20261121122000_holds.postgres.sql", PackageResources._0261121122000_holds_postgres_sql),
            File("20261121122000_holds.sqlite.sql", PackageResources._0261121122000_holds_sqlite_sql),
            File(
                "20261121122300_messages_of_session.sql",
                PackageResources._0261121122300_messages_of_session_sql
            ),
            File("20261121123400_limited_turns.sql", PackageResources._0261121123400_limited_turns_sql),
            File("20261121123500_feature_flags.sqlite.sql", PackageResources._0261121123500_feature_flags_sqlite_sql),
            File(
                "20261121123500_feature_flags.postgres.sql",
                PackageResources._0261121123500_feature_flags_postgres_sql
            ),
            File(
                "20261121180000_retention_under_load.postgres.sql",
                PackageResources._0261121180000_retention_under_load_postgres_sql
            ),
            File(
                "20261121180000_retention_under_load.sqlite.sql",
                PackageResources._0261121180000_retention_under_load_sqlite_sql
            ),
        ]
    }
}
