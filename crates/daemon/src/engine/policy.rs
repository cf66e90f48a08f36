//! What the service allows and how it speaks, as the configuration says it.

use groupchat_core::{BareJid, Limits, Settings};

use crate::config::{Absent, Config, CreateGroups, MucMode};

/// What the service allows and how it speaks; changes only when the operator changes it.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The service's domain.
    pub(crate) domain: BareJid,
    /// How much is too much.
    pub(crate) limits: Limits,
    /// What members get who are away.
    pub(crate) absent: Absent,
    /// How far groups are rooms.
    pub(crate) rooms: MucMode,
    /// Who may create groups.
    pub(crate) create_groups: CreateGroups,
    /// The settings of a group that asks for no others.
    pub(crate) defaults: Settings,
    /// How long a message sent again is known to be the same, in milliseconds.
    pub(crate) dedup_ms: i64,
}

impl Policy {
    /// What a configuration says.
    ///
    /// # Errors
    /// Its default settings of groups cannot be.
    pub(crate) fn of(config: &Config, domain: &BareJid) -> Result<Self, String> {
        let limits = config.limits.for_rules();
        Ok(Self {
            domain: domain.clone(),
            absent: config.delivery.absent,
            rooms: config.muc.mode,
            create_groups: config.service.create_groups,
            defaults: config.service.defaults.for_rules(&limits)?,
            dedup_ms: i64::from(config.delivery.dedup_minutes) * 60_000,
            limits,
        })
    }
}
