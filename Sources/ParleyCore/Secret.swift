/// A value that cannot be printed, logged or interpolated by accident.
///
/// The only way in is ``reveal(_:)``.
package struct Secret<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: Value

    package init(_ value: Value) { self.value = value }

    /// Lends the value to `body`; what `body` returns should not be the secret itself.
    package func reveal<Result, Failure: Error>(
        _ body: (Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(value)
    }

    package var description: String { "•••" }
    package var debugDescription: String { "•••" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable where Value: Equatable {}

extension Secret where Value == String {
    package var isEmpty: Bool { value.isEmpty }
}
