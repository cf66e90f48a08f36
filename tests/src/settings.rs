//! The service's configuration file as the tests write it.

use std::fmt;

/// The few settings that every service needs, and those that a conversation asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// Domain of the service.
    pub(crate) domain: &'a str,
    /// Its secret.
    pub(crate) secret: &'a str,
    /// Where the host takes components, as `address:port`.
    pub(crate) server: &'a str,
    /// URL of its database.
    pub(crate) database: &'a str,
    /// Further lines, written `section.key = value`.
    pub(crate) more: &'a [String],
}

impl fmt::Display for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Dotted keys belong to the file as a whole only before its first section.
        writeln!(f, "{}\n", self.more.join("\n"))?;
        if !self.more.iter().any(|line| line.starts_with("http.")) {
            // There are many services at once.
            writeln!(f, "http.listen = \"\"")?;
        }
        if !self.more.iter().any(|line| line.starts_with("control.")) {
            writeln!(f, "control.socket = \"\"")?;
        }
        writeln!(f, "[component]\ndomain = \"{}\"\nsecret = \"{}\"", self.domain, self.secret)?;
        writeln!(f, "server = \"{}\"\n", self.server)?;
        writeln!(f, "[database]\nurl = \"{}\"", self.database)
    }
}
