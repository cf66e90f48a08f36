//! What may happen in the model's groups, and how often. What becomes of it is the model's.

use proptest::prelude::*;

/// What happens in a group (its number first).
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Post { group: usize, by: usize, mention: bool },
    Correct { group: usize, of: usize },
    Retract { group: usize, of: usize },
    Rename { group: usize },
    Subject { group: usize },
    Add { group: usize, who: usize },
    Remove { group: usize, who: usize },
    Nick { group: usize, who: usize },
    ReadElsewhere { group: usize, by_sent_id: bool },
}

impl Act {
    /// Does the member whose picture it is come or go by it?
    pub(crate) fn is_about_me(&self) -> bool {
        matches!(self, Act::Add { who: 1, .. } | Act::Remove { who: 1, .. })
    }
}

pub(crate) fn posts() -> impl Strategy<Value = Act> {
    (0..2_usize, 0..4_usize, any::<bool>()).prop_map(|(group, by, mention)| Act::Post { group, by, mention })
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let group = || 0..2_usize;
    prop_oneof![
        8 => posts(),
        2 => (group(), 0..8_usize).prop_map(|(group, of)| Act::Correct { group, of }),
        2 => (group(), 0..8_usize).prop_map(|(group, of)| Act::Retract { group, of }),
        1 => group().prop_map(|group| Act::Rename { group }),
        1 => group().prop_map(|group| Act::Subject { group }),
        2 => (group(), 0..4_usize).prop_map(|(group, who)| Act::Add { group, who }),
        2 => (group(), 0..4_usize).prop_map(|(group, who)| Act::Remove { group, who }),
        1 => (group(), 0..4_usize).prop_map(|(group, who)| Act::Nick { group, who }),
        1 => (group(), any::<bool>()).prop_map(|(group, by_sent_id)| Act::ReadElsewhere { group, by_sent_id }),
    ]
}
