import ChannelKit
import ParleyCore

// What breaks a proof, and what must not.

extension ChannelConformance {
    static func forged(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let field = subject.proofField
        // Whichever of the two is not the sample's own.
        let isFirst = sample.integration.credentials[field] == Secret(subject.secrets.0)
        let other = sample.integration.holding([
            field: isFirst ? subject.secrets.1 : subject.secrets.0, "previous_\(field)": "",
        ])
        let own = sample.integration.holding([field: subject.secrets.0, "previous_\(field)": ""])
        return expect(401, "\(sample): read under another secret") {
            outcome(of: sample.request, for: other, on: subject.channel)
        }
            + expect(401, "\(sample): signed by a stranger") {
                outcome(of: subject.prove(sample.request, subject.secrets.1), for: own, on: subject.channel)
            }
    }

    static func missing(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        subject.proofHeaders.flatMap { header in
            var without = sample.request.headers
            without[header] = nil
            var empty = sample.request.headers
            empty[header] = ""
            return [without, empty].flatMap { headers in
                expect(401, "\(sample): without \(header)") {
                    outcome(of: sample.request.with(headers: headers), for: sample.integration, on: subject.channel)
                }
            }
        }
    }

    static func stale(_ samples: [ChannelSample], _ subject: Subject) -> [String] {
        samples.flatMap { sample in
            let integration = sample.integration.holding([subject.proofField: subject.secrets.0])
            let request = subject.prove(sample.request, subject.secrets.0)
            let window = Limits.freshnessWindow
            let outside: [Duration] = [window + .seconds(1), .zero - window - .seconds(1), .seconds(31_536_000)]
            let inside: [Duration] = [window - .seconds(1), .zero - window + .seconds(1)]
            let tooFar = outside.flatMap { shift in
                expect(401, "\(sample): read \(shift) after signing") {
                    outcome(of: request.received(after: shift), for: integration, on: subject.channel)
                }
            }
            let nearEnough = inside.flatMap { shift in
                expect(nil, "\(sample): read \(shift) after signing") {
                    outcome(of: request.received(after: shift), for: integration, on: subject.channel)
                }
            }
            return tooFar + nearEnough
        }
    }

    static func truncated(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let body = sample.request.body
        let cuts = [
            Array(body.dropLast()), Array(body.dropFirst()), Array(body.prefix(body.count / 2)), [], body + [0x20],
        ]
        return cuts.filter { $0 != body }.flatMap { cut in
            expect(401, "\(sample): \(cut.count) of \(body.count) bytes") {
                outcome(of: sample.request.with(body: cut), for: sample.integration, on: subject.channel)
            }
        }
    }

    /// All bits of small bodies, a thousand spread over the others.
    static func flipped(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let bits = sample.request.body.count * 8
        let step = max(1, bits / 1000)
        var accepted: [Int] = []
        for bit in stride(from: 0, to: bits, by: step) {
            var body = sample.request.body
            body[bit / 8] ^= 1 << UInt8(bit % 8)
            let result = outcome(of: sample.request.with(body: body), for: sample.integration, on: subject.channel)
            if case .failure(let refusal) = result, refusal.status == 401 { continue }
            accepted.append(bit)
        }
        return accepted.isEmpty ? [] : ["\(sample): flipped bits \(accepted) did not matter"]
    }

    static func secretless(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let request = subject.prove(sample.request, "")
        let bare = sample.integration.withoutSecrets
        return [bare, bare.holding([subject.proofField: ""]), bare.holding(["previous_\(subject.proofField)": ""])]
            .flatMap { integration in
                [request, sample.request].flatMap { request in
                    expect(401, "\(sample): an integration without secret") {
                        outcome(of: request, for: integration, on: subject.channel)
                    }
                }
            }
    }

    static func rotating(_ subject: Subject) -> [String] {
        guard let sample = try? ChannelSample.all(in: subject.folder).first(where: { $0.isProven(subject) }) else {
            return ["no proven sample"]
        }
        let rotating = sample.integration.holding([
            subject.proofField: subject.secrets.1, "previous_\(subject.proofField)": subject.secrets.0,
        ])
        return [subject.secrets.0, subject.secrets.1].flatMap { secret in
            expect(nil, "one of two secrets") {
                outcome(of: subject.prove(sample.request, secret), for: rotating, on: subject.channel)
            }
        }
            + expect(401, "a third secret") {
                outcome(of: subject.prove(sample.request, "a third secret"), for: rotating, on: subject.channel)
            }
    }
}
