import ParleyCore

/// A tenant.
package struct BusinessRecord: Sendable, Equatable {
    package let id: ID<Business>
    package let name: String
    package let plan: String
    package let settings: JSON
    package let isActive: Bool
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    static let columns = "id, name, plan, settings, is_active, created_at, updated_at"

    init(_ row: SQLRow) throws {
        id = try row.id("id")
        name = try row.text("name")
        plan = try row.text("plan")
        settings = try row.json("settings")
        isActive = try row.bool("is_active")
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}
