/// Greetings, thanks and the like, when they are all that was said.
enum SmallTalk {
    static func reply(to text: String) -> String? {
        let words = Phrase(text).words.map(\.plain)
        guard !words.isEmpty, words.count <= 8 else { return nil }
        if words.allSatisfy(greetings.union(fillers).contains), words.contains(where: greetings.contains) {
            return "Hello! How can I help you?"
        }
        if words.allSatisfy(gratitude.union(fillers).contains), words.contains(where: gratitude.contains) {
            return "You're welcome! Is there anything else I can help with?"
        }
        if words.allSatisfy(farewells.union(fillers).contains), words.contains(where: farewells.contains) {
            return "Goodbye, and thank you for writing!"
        }
        if help.contains(words.joined(separator: " ")) {
            return "I'm an automatic assistant. Ask me a question in a sentence, and I'll look the answer up for you."
        }
        return nil
    }

    static func isYes(_ words: [String]) -> Bool {
        !words.isEmpty && words.count <= 5 && words.allSatisfy(agreement.union(fillers).contains)
            && words.contains(where: agreement.contains)
    }

    static func isNo(_ words: [String]) -> Bool {
        guard let first = words.first, words.count <= 5 else { return false }
        return ["no", "nope", "nah"].contains(first) && words.allSatisfy(refusal.union(fillers).contains)
    }

    private static let greetings: Set<String> = [
        "hi", "hello", "hey", "hallo", "hiya", "howdy", "morning", "afternoon", "evening", "greetings", "start",
    ]
    private static let gratitude: Set<String> = [
        "thanks", "thank", "thx", "ty", "cheers", "great", "perfect", "awesome", "cool", "ok", "okay", "nice",
    ]
    private static let farewells: Set<String> = ["bye", "goodbye", "ciao", "farewell", "cya"]
    private static let fillers: Set<String> = [
        "good", "there", "you", "so", "much", "very", "a", "lot", "that", "helps", "please", "all", "day", "have",
        "and",
        "again", "it", "do", "for", "the", "help", "everyone", "team", "its", "fine",
    ]
    private static let agreement: Set<String> = [
        "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "please", "ja", "absolutely", "definitely", "go", "ahead",
    ]
    private static let refusal: Set<String> = ["no", "nope", "nah", "thanks", "thank", "not", "now", "need"]
    private static let help: Set<String> = [
        "help", "help me", "can you help me", "what can you do", "who are you", "are you a bot", "what are you", "menu",
        "are you a human", "are you human", "are you real",
    ]
}
