import Logging
import ParleyCore
import ServiceLifecycle
import Storage

/// Prunes once a day, and soon after a start when a day was missed. Of many nodes one does it.
package struct RetentionService: Service {
    private let pruner: Pruner
    private let holder: String
    private let clock: any Clockwork
    private let logger: Logger

    package init(_ pruner: Pruner, holder: String, clock: any Clockwork, logger: Logger) {
        self.pruner = pruner
        self.holder = holder
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var wait = Limits.retentionDelay
            while !Task.isCancelled {
                do { try await clock.sleep(for: wait) } catch { return }
                await pruneIfDue()
                wait = Limits.retentionPoll
            }
        }
    }

    private func pruneIfDue() async {
        do {
            guard try await pruner.isDue() else { return }
            let result = try await pruner.prune(as: holder)
            for failure in result.failures {
                // The rest is done; this is tried again with the next run.
                logger.error("retention could not do a part of its work", metadata: ["part": "\(failure)"])
            }
            guard result.total > 0 || !result.partitions.isEmpty else { return }
            logger.info(
                "what was kept long enough is gone",
                metadata: ["rows": "\(result.total)", "partitions": "\(result.partitions.count)"]
            )
        } catch is CancellationError {
        } catch is AlreadyPruning, is JobLost {
            logger.debug("another node is pruning")
        } catch {
            // Nothing is lost by this: what should have gone is there a little longer.
            logger.error("retention failed and will be tried again", metadata: ["error": "\(error)"])
        }
    }
}

extension RetentionService: CustomStringConvertible {
    package var description: String { "RetentionService" }
}
