//! The audit log's actions in words.

/// Every action with its words; the object's id follows them.
pub const DID: &[(&str, &str)] = &[
    ("api_key.create", "Created the API key"),
    ("api_key.revoke", "Revoked the API key"),
    ("api_key.rotate", "Replaced the API key"),
    ("api_key.update", "Changed the terms of the API key"),
    ("catalog.put", "Changed what is given by"),
    ("change.undo", "Took back a change of"),
    ("catalog.read", "Read the catalog from Stripe"),
    ("conflict.keep", "Settled a conflict, keeping"),
    ("customer.ignore", "Ignored"),
    ("customer.heed", "Listed again"),
    ("customer.resync", "Read from Stripe"),
    ("event.download", "Downloaded the payload of"),
    ("event.ignore", "Set aside"),
    ("event.replay", "Processed again"),
    ("event.replay_failed", "Processed all failed events again"),
    ("events.fetch_missing", "Fetched missing events"),
    ("feature.delete", "Deleted the feature"),
    ("feature.put", "Saved the feature"),
    ("list.export", "Exported the list"),
    ("payload.read", "Read the payload of"),
    ("person.erase", "Erased the personal data of"),
    ("person.export", "Exported everything about"),
    ("retention.remove", "Removed after their time:"),
    ("mapping.delete", "Unlinked"),
    ("mapping.move", "Moved a Stripe customer from or to"),
    ("mapping.put", "Linked"),
    ("override.create", "Made an override for"),
    ("override.end", "Gave another end to an override for"),
    ("override.revoke", "Revoked an override for"),
    ("policy.put", "Changed the policy of"),
    ("replay.cancel", "Ended the replay"),
    ("replay.create", "Began the replay"),
    ("replay.finish", "Came to the end of the replay"),
    ("replay.pause", "Paused the replay"),
    ("replay.resume", "Went on with the replay"),
    ("resync.apply", "Applied what Stripe says by the resync"),
    ("resync.cancel", "Ended the resync"),
    ("resync.create", "Began the resync"),
    ("resync.pause", "Paused the resync"),
    ("resync.resume", "Went on with the resync"),
    ("staff.end_sessions", "Ended sessions of"),
    ("staff.enter", "Came in by a link as"),
    ("staff.invite", "Made an invitation for"),
    ("staff.passkey_added", "Added a passkey for"),
    ("staff.passkey_removed", "Removed a passkey of"),
    ("staff.password", "Changed the password of"),
    ("staff.reset", "Made a link to reset the password of"),
    ("staff.sign_in", "Signed in"),
    ("staff.sign_out", "Signed out"),
    ("staff.recovery_code", "Used a recovery code of"),
    ("staff.recovery_codes", "Made new recovery codes for"),
    ("staff.two_factor_off", "Turned two-factor sign-in off for"),
    ("staff.two_factor_on", "Turned two-factor sign-in on for"),
    ("staff.two_factor_reset", "Took two-factor sign-in away from"),
    ("staff.add", "Added to the staff"),
    ("staff.update", "Changed on the staff"),
    ("topic.dismiss", "Hid"),
    ("user.put", "Learned of the user"),
    ("webhook_endpoint.add_events", "Added types of events to the endpoint"),
    ("webhook_endpoint.create", "Made the endpoint"),
    ("webhook_endpoint.enable", "Enabled the endpoint"),
];

/// An action of the audit log in words; the object's id follows.
#[must_use]
pub fn did(action: &str) -> String {
    let known = DID.iter().find(|(known, _)| *known == action).map(|(_, words)| (*words).to_owned());
    known.unwrap_or_else(|| action.replace(['.', '_'], " "))
}

#[cfg(test)]
mod tests {
    use super::did;

    #[test]
    fn an_action_without_words_of_its_own_is_readable() {
        assert_eq!(did("mapping.put"), "Linked");
        assert_eq!(did("some_thing.done"), "some thing done");
    }
}
