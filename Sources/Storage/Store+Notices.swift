package import Chat

extension Store {
    func notify(
        _ audience: Audience, _ content: NotificationContent, key: RequestKey?, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        if case .person(let id) = audience, try user(id) == nil { return .refused(.unknownRecipient) }
        if let earlier = try requestKeys.result(of: key, at: time),
            let notification = try notifications.notification(NotificationID(earlier))
        {
            return .notifiedBefore(notification)
        }
        let notification = try notifications.add(content, for: audience, at: time)
        try requestKeys.remember(notification.id.rawValue, of: key, at: time)
        return .notified(notification)
    }

    func addNotice(
        _ draft: NoticeDraft, isPublished: Bool, key: RequestKey?, at time: Timestamp
    ) throws(StoreError) -> Outcome {
        if let earlier = try requestKeys.result(of: key, at: time),
            let notice = try notices.notice(NoticeID(earlier))
        {
            return .notice(notice, announced: nil)
        }
        let id = try notices.add(draft, at: time)
        try requestKeys.remember(id.rawValue, of: key, at: time)
        if isPublished { return try publishNotice(id, at: time) }
        return try notices.notice(id).map { .notice($0, announced: nil) } ?? .refused(.unknownNotice)
    }

    /// Publishes a notice; the second time, nobody is told again.
    func publishNotice(_ id: NoticeID, at time: Timestamp) throws(StoreError) -> Outcome {
        let isNew = try notices.publish(id, at: time)
        guard let notice = try notices.notice(id) else { return .refused(.unknownNotice) }
        if !isNew { return .notice(notice, announced: nil) }
        return .notice(
            notice, announced: try notifications.add(notice.announcement, for: notice.audience, at: time))
    }

    // MARK: - Bulk messages

    /// Stores a job, inside a transaction, or finds the one that had the same name.
    package func addBulkMessage(
        _ content: NotificationContent, for recipients: BulkMessage.Recipients, key: RequestKey?, at time: Timestamp
    ) throws(StoreError) -> BulkMessage? {
        if let earlier = try requestKeys.result(of: key, at: time) {
            return try bulkMessages.bulkMessage(BulkMessageID(earlier))
        }
        let id = try bulkMessages.add(content, for: recipients, at: time) { id throws(StoreError) in
            try user(id) != nil
        }
        try requestKeys.remember(id.rawValue, of: key, at: time)
        return try bulkMessages.bulkMessage(id)
    }

    /// Ends a job that is under way, inside a transaction.
    package func cancelBulkMessage(_ id: BulkMessageID, at time: Timestamp) throws(StoreError) -> BulkMessage? {
        try bulkMessages.cancel(id, at: time)
        return try bulkMessages.bulkMessage(id)
    }

    /// Stores what the next people get of the oldest job under way, inside a transaction.
    ///
    /// - Returns: `nil` when no job is under way.
    package func sendBulkSlice(limit: Int, at time: Timestamp) throws(StoreError) -> [Notification]? {
        guard let slice = try bulkMessages.takeSlice(limit: limit, at: time) else { return nil }
        return try notifications.add(slice.content, forEach: slice.people, at: time)
    }
}
