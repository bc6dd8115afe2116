/// The rules of the house: what becomes of a command. Pure; the clock is passed in.
package struct Chat: Sendable {
    package struct Limits: Sendable {
        /// Bytes of UTF-8 in one direct message.
        package var text = 16_384
        /// Messages in one answer to a request for history.
        package var history = 10_000
        /// Unicode scalars in one room message (specs/rooms.md).
        package var roomText = 1000
        /// Bytes of UTF-8 in the name that a speaker in a room goes by.
        package var roomUsername = 600

        package init() {}
    }

    package let limits: Limits

    package init(limits: Limits) { self.limits = limits }

    /// Small, as it is handed on several times.
    package enum Decision: Sendable {
        /// To be stored before anybody hears of it.
        case store(Change)
        /// To be heard at once, and kept nowhere.
        case publish(Event)
        /// Likewise, once it is known who is there to hear it.
        indirect case type(Destination, isTyping: Bool, by: User, addressee: UserID? = nil)
        indirect case look(Query, User)
        /// The connection hears no more of a conversation's room.
        case leave(ConversationID)
        case refuse(Refusal)
    }

    /// Decides on a command from the seat that it came through. A seat only takes commands of its own kind; the
    /// dialects never decode others.
    package func decide(_ command: Command, from seat: Seat, at now: Timestamp) -> Decision {
        switch (command, seat) {
        case (.readNotification(let id), .notifications(let reader?)):
            return .store(.readNotification(id, by: reader.id, at: now))
        case (.say(let text, let username), .room(let room)):
            // Counting scalars costs a pass; a text of few bytes can't have too many.
            if text.utf8.count > limits.roomText, text.unicodeScalars.count > limits.roomText {
                return .refuse(.textTooLong)
            }
            if username.utf8.count > limits.roomUsername { return .refuse(.unknownFormat) }
            return .publish(.room(room, .said(text: text, username: username, at: now), except: nil))
        case (.count(let action), .counter):
            return .store(.count(action, at: now))
        case (.readNotification, _), (.say, _), (.count, _), (_, .notifications), (_, .room), (_, .counter):
            return .refuse(.unknownFormat)
        case (_, .chat(let user, _)), (_, .person(let user)):
            return decide(command, of: user, at: now)
        }
    }

    /// What is about direct messages.
    private func decide(_ command: Command, of user: User, at now: Timestamp) -> Decision {
        switch command {
        case .send(let draft, let destination):
            if destination == .person(user.id) || draft.addressee == user.id { return .refuse(.recipientIsSender) }
            if draft.text.utf8.count > limits.text { return .refuse(.textTooLong) }
            return .store(.send(draft, from: user, to: destination, at: now))
        case .markRead(let conversation):
            return .store(.markRead(conversation, by: user.id, at: now))
        case .typing(let destination, let isTyping, let addressee):
            return .type(destination, isTyping: isTyping, by: user, addressee: addressee)
        case .startConversation(let other):
            if other == user.id { return .refuse(.recipientIsSender) }
            return .store(.startConversation(by: user, with: other, at: now))
        case .join(let conversation):
            return .store(.join(conversation, by: user.id))
        case .leave(let conversation):
            return .leave(conversation)
        case .look(.messages(let conversation, let before, let limit)):
            let limit = min(limit ?? limits.history, limits.history)
            return .look(.messages(of: conversation, before: before, limit: limit), user)
        case .look(let query):
            return .look(query, user)
        case .readNotification, .say, .count:
            return .refuse(.unknownFormat)
        }
    }

    /// What the sender is told of a committed outcome.
    ///
    /// - Parameter isPresent: Whether a person has a chat connection anywhere.
    package static func answer(to outcome: Outcome, isPresent: (UserID) -> Bool) -> Answer {
        switch outcome {
        case .refused(let refusal): .refused(refusal)
        case .stored(let message):
            .stored(message.id, isRecipientPresent: message.recipients.contains(where: isPresent))
        case .repeated(let message): .repeated(message)
        case .started(let conversation, _): .started(conversation)
        case .joined(let conversation): .joined(conversation)
        case .read, .notified, .notifiedBefore, .notificationRead, .notice, .counted, .unchanged: .done
        }
    }
}
