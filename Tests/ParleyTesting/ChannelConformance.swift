import ChannelKit
import ParleyCore

/// What every channel must keep, whatever the platform: run it over ``Rule/allCases`` and expect no complaints.
package enum ChannelConformance {
    /// One promise, so that a test run names the one that is broken.
    package enum Rule: String, Sendable, CaseIterable, CustomStringConvertible {
        case `every sample becomes exactly what it says`
        case `there are enough samples, a guide and a well-formed manifest`
        case `a forged proof is refused`
        case `a missing proof is refused`
        case `a stale or future proof is refused`
        case `a truncated body is refused`
        case `every flipped bit is refused`
        case `no secret, no route`
        case `both secrets pass during a rotation`
        case `endless nesting is refused`
        case `a wrong media type or method is refused`
        case `proven nonsense is refused`
        case `hostile shapes neither trap nor slip through`
        case `unknown kinds are acknowledged`

        package var description: String { rawValue }
    }

    /// A channel and what the suite must know of its proof.
    package struct Subject: Sendable {
        package var channel: any Channel
        /// The folder in `channels/`: `Slack`.
        package var folder: String
        /// The credential that proves webhooks: `signing_secret`.
        package var proofField: String
        /// The headers that make the proof; taking away any one must be refused.
        package var proofHeaders: [String]
        package var signsBody: Bool
        package var signsTimestamp: Bool
        /// The status of a bare GET: 405, or 403 where the platform verifies with one.
        package var bareGetStatus: Int
        /// Two different values of ``proofField`` (shared secrets, or public keys).
        package var secrets: (String, String)
        /// Adds the proof to a request, made at its `receivedAt` with the secret (or the private key that belongs to
        /// the public key); for a value it does not know, including "", the best forgery there is.
        package var prove: @Sendable (_ request: WebhookRequest, _ secret: String) -> WebhookRequest
        /// Well-formed bodies of kinds that the platform may add tomorrow.
        package var unknownBodies: [String]

        package init(
            channel: any Channel,
            folder: String,
            proofField: String,
            proofHeaders: [String],
            signsBody: Bool,
            signsTimestamp: Bool,
            bareGetStatus: Int = 405,
            secrets: (String, String),
            unknownBodies: [String],
            prove: @escaping @Sendable (_ request: WebhookRequest, _ secret: String) -> WebhookRequest
        ) {
            self.channel = channel
            self.folder = folder
            self.proofField = proofField
            self.proofHeaders = proofHeaders
            self.signsBody = signsBody
            self.signsTimestamp = signsTimestamp
            self.bareGetStatus = bareGetStatus
            self.secrets = secrets
            self.unknownBodies = unknownBodies
            self.prove = prove
        }
    }

    /// What is wrong, a sentence each; empty when the channel keeps the rule.
    package static func complaints(about rule: Rule, of subject: Subject) throws -> [String] {
        let samples = try ChannelSample.all(in: subject.folder)
        let proven = samples.filter { $0.isProven(subject) }
        switch rule {
        case .`every sample becomes exactly what it says`: return samples.flatMap { $0.complaints(subject.channel) }
        case .`there are enough samples, a guide and a well-formed manifest`:
            return try folder(subject, samples.count)
        case .`a forged proof is refused`: return proven.flatMap { forged($0, subject) }
        case .`a missing proof is refused`: return proven.flatMap { missing($0, subject) }
        case .`a stale or future proof is refused`: return subject.signsTimestamp ? stale(proven, subject) : []
        case .`a truncated body is refused`: return subject.signsBody ? proven.flatMap { truncated($0, subject) } : []
        case .`every flipped bit is refused`: return subject.signsBody ? proven.flatMap { flipped($0, subject) } : []
        case .`no secret, no route`: return proven.flatMap { secretless($0, subject) }
        case .`both secrets pass during a rotation`: return rotating(subject)
        case .`endless nesting is refused`: return nested(subject)
        case .`a wrong media type or method is refused`: return proven.flatMap { mistyped($0, subject) }
        case .`proven nonsense is refused`: return nonsense(subject)
        case .`hostile shapes neither trap nor slip through`: return proven.flatMap { hostile($0, subject) }
        case .`unknown kinds are acknowledged`: return unknown(subject)
        }
    }
}
