//! Dates as XMPP writes them. XEP-0082.

use groupchat_core::Timestamp;

/// `2026-01-02T03:04:05.678Z`
pub(crate) fn write(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads a date with its time and time zone; `None` when it is none.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["2026-01-02T03:04:05.678Z", "1970-01-01T00:00:00.000Z"] {
            assert_eq!(read(text).map(write).as_deref(), Some(text));
        }
        assert_eq!(read("2026-01-02T05:04:05+02:00").map(write).as_deref(), Some("2026-01-02T03:04:05.000Z"));
        assert_eq!(read("yesterday"), None);
    }
}
