/// Whom a message is for. Mostly that is one person, who takes no memory of their own.
package enum Recipients: RandomAccessCollection, ExpressibleByArrayLiteral, Equatable, Sendable {
    case one(UserID)
    /// None, or more than one.
    case several([UserID])

    package init(_ people: [UserID]) { self = people.count == 1 ? .one(people[0]) : .several(people) }
    package init(arrayLiteral people: UserID...) { self.init(people) }

    package var startIndex: Int { 0 }

    package var endIndex: Int {
        switch self {
        case .one: 1
        case .several(let people): people.count
        }
    }

    package subscript(index: Int) -> UserID {
        switch self {
        case .one(let person): person
        case .several(let people): people[index]
        }
    }
}
