/// Which Parley this is: the one place that says so.
package enum Release {
    /// Semantic versioning 2.0.0; below 1.0.0 anything may still change.
    package static let version = "0.1.0"
}
