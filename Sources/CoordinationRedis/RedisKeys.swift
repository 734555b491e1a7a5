import CoordinationKit
import ParleyCore

/// The names of everything that is kept in Redis. A business's keys carry its id, in the braces that keep them
/// together on one node of a cluster; none is ever made from another business's id.
package struct RedisKeys: Sendable {
    /// Tells installations apart that share a server.
    package let namespace: String

    package init(namespace: String = "parley") { self.namespace = namespace }

    func key(_ businessID: ID<Business>, _ kind: String, _ name: String) -> String {
        "\(namespace):{\(businessID)}:\(kind):\(name)"
    }

    /// What belongs to the house and to no business.
    func house(_ name: String) -> String { "\(namespace):house:\(name)" }
}
