import ParleyCore

/// Whose rows a transaction may touch.
///
/// PostgreSQL holds every transaction to it by roles and row-level security, as a second wall behind the conditions of the
/// statements. SQLite has neither: there the conditions are the wall, and the isolation suite tries them.
package enum SQLScope: Sendable, Hashable {
    /// The rows of one business, and what all share.
    case business(ID<Business>)
    /// Putting webhooks of any business into the inbox; nothing of what is there can be read.
    case intake
    /// Claiming lanes of any business; no content.
    case dispatch
    /// The house's own work on all businesses: whose a webhook address is, operators' commands, retention.
    case house
    /// Making the schema itself.
    case schema
}
