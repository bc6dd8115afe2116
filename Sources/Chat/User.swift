/// A person with an account. Immutable and shared: what a connection, a message and an event refer to.
package final class User: Sendable {
    package let id: UserID
    /// The unique name to sign in with.
    package let username: String
    /// The full name, as others read it.
    package let name: String
    package var college: CollegeID? { collegeNumber == Self.noCollege ? nil : CollegeID(collegeNumber) }
    /// As a number that always is one: with it an object is just as large as the allocator's next smaller size.
    private let collegeNumber: Int64
    private static let noCollege = Int64.min

    package init(id: UserID, username: String, name: String, college: CollegeID?) {
        self.id = id
        self.username = username
        self.name = name
        collegeNumber = college?.rawValue ?? Self.noCollege
    }

    /// Whether a new account may have this username: up to 150 letters, digits and `@ . + - _`, not digits alone, which
    /// would look like an id.
    package static func isUsername(_ text: String) -> Bool {
        (1...150).contains(text.unicodeScalars.count)
            && text.unicodeScalars.allSatisfy {
                ($0.properties.isAlphabetic || $0.properties.numericType != nil || "@.+-_".unicodeScalars.contains($0))
                    && !$0.properties.isDefaultIgnorableCodePoint
            }
            && !text.allSatisfy(\.isNumber)
    }

    /// Whether a new account may have this full name: 1 to 300 characters on one line.
    package static func isName(_ text: String) -> Bool {
        (1...300).contains(text.unicodeScalars.count)
            && !text.unicodeScalars.contains {
                [.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
            }
    }
}
