//! Who takes part: twelve people with one or two devices and different habits, in four groups that overlap.

use std::collections::{BTreeMap, BTreeSet};

use crate::real::{Account, Domain};

/// Password of everybody.
pub(super) const PASSWORD: &str = "wonderland";

/// How somebody uses his devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Online all the time, and again at once when the stream breaks.
    Stays,
    /// Comes and goes; his devices know nothing of XEP-0198.
    Leaves,
    /// Loses his link now and then, with XEP-0198: takes the session up again, or not.
    Vanishes,
    /// Does not come before all is over.
    Away,
}

/// Name, habit, devices.
const PEOPLE: [(&str, Habit, &[&str]); 12] = [
    ("ada", Habit::Stays, &["phone", "desk"]),
    ("ben", Habit::Stays, &["phone", "desk"]),
    ("cleo", Habit::Stays, &["phone"]),
    ("dan", Habit::Stays, &["phone"]),
    ("eve", Habit::Stays, &["phone"]),
    ("finn", Habit::Stays, &["phone"]),
    ("gus", Habit::Leaves, &["phone"]),
    ("hal", Habit::Leaves, &["phone", "desk"]),
    ("ida", Habit::Vanishes, &["phone"]),
    ("jon", Habit::Vanishes, &["phone", "desk"]),
    ("kim", Habit::Away, &["phone"]),
    ("leo", Habit::Away, &["phone"]),
];

/// Localpart and members, the owner first; one group more has everybody.
const GROUPS: [(&str, &[&str]); 3] = [
    ("tea", &["ada", "ben", "cleo", "gus", "ida", "kim"]),
    ("walk", &["ben", "dan", "hal", "jon", "leo"]),
    ("books", &["cleo", "ada", "dan", "eve", "finn"]),
];
const EVERYBODY: &str = "all";

/// One device and what it takes to play its part.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) user: &'static str,
    pub(super) device: &'static str,
    pub(super) habit: Habit,
    /// The groups in which the user is.
    pub(super) groups: Vec<&'static str>,
}

/// All devices.
pub(super) fn roles() -> Vec<Role> {
    let of_person = |(user, habit, devices): &(&'static str, Habit, &'static [&'static str])| {
        let (user, habit, groups) = (*user, *habit, groups_of(user));
        devices.iter().map(|device| Role { user, device, habit, groups: groups.clone() }).collect::<Vec<_>>()
    };
    PEOPLE.iter().flat_map(of_person).collect()
}

/// The names of all users.
pub(super) fn users() -> impl Iterator<Item = &'static str> {
    PEOPLE.iter().map(|(user, ..)| *user)
}

/// Each group and its members, the owner first.
pub(super) fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let some = GROUPS.iter().map(|(group, members)| (*group, members.to_vec()));
    some.chain([(EVERYBODY, users().collect())]).collect()
}

/// The groups of one user.
pub(super) fn groups_of(user: &str) -> Vec<&'static str> {
    let of_user = groups().into_iter().filter(|(_, members)| members.contains(&user));
    of_user.map(|(group, _)| group).collect()
}

/// As the judge wants it.
pub(super) fn members() -> BTreeMap<String, BTreeSet<String>> {
    let owned = |members: Vec<&str>| members.into_iter().map(str::to_owned).collect();
    groups().into_iter().map(|(group, members)| (group.to_owned(), owned(members))).collect()
}

/// The accounts that a host needs.
pub(super) fn accounts(domain: &Domain) -> Vec<Account> {
    let account = |user: &str| Account {
        domain: domain.name.clone(),
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
    };
    users().map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_a_group_is_somebody_and_everybody_is_in_one() {
        let everybody: BTreeSet<_> = users().collect();
        for (group, members) in groups() {
            let unique: BTreeSet<_> = members.iter().copied().collect();
            assert!(unique.is_subset(&everybody) && unique.len() == members.len(), "{group}");
        }
        assert_eq!(groups_of("leo"), ["walk", "all"]);
        assert_eq!(roles().len(), 16);
    }
}
