//! Which member an alias belongs to: deterministic links only, merged along chains, taken back by unlinking.
//!
//! A link says that an alias (a browser's id, an old member number) is a member. Where one alias has been linked to two
//! members, a rule chooses, and the conflict is reported: two people at one device are never merged into one.

use std::collections::{BTreeMap, BTreeSet};

/// Which member an alias belongs to that was linked to several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityRule {
    /// The one that logged in last. The default: a device changes hands.
    #[default]
    LatestLogin,
    /// The one that was first.
    FirstMember,
}

/// A row of an identities file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// Unit: seconds since 1970; rows without time come before all others.
    pub(super) at_s: Option<i64>,
    /// Place among all rows: the later one wins where times are equal.
    pub(super) row_no: i64,
    pub(super) alias: String,
    pub(super) member: String,
    pub(super) is_unlink: bool,
}

/// What every known id stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Every alias and member with its canonical id. A member that is nobody's alias stands for itself.
    pub(super) canonical: BTreeMap<String, String>,
    /// Links that hold.
    pub(super) links: u64,
    /// Links that an unlinking took back.
    pub(super) unlinked: u64,
    /// Aliases that were linked to several members.
    pub(super) conflicts: u64,
    /// Rings of ids that are each other's alias.
    pub(super) rings: u64,
}

/// Resolves all links. The order of `links` does not matter.
pub(super) fn resolve(mut links: Vec<Link>, rule: IdentityRule) -> Resolved {
    links.sort();
    let mut resolved = Resolved::default();
    // Members of each alias that hold, in the order in which they were linked.
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for link in links {
        let own = members.entry(link.alias.clone()).or_default();
        let before = own.len();
        own.retain(|member| *member != link.member);
        if link.is_unlink {
            resolved.unlinked += u64::from(own.len() < before);
            known.insert(link.member);
            known.insert(link.alias);
            continue;
        }
        known.insert(link.member.clone());
        known.insert(link.alias.clone());
        if link.alias == link.member {
            continue;
        }
        match rule {
            IdentityRule::LatestLogin => own.push(link.member),
            // A member that comes back keeps its old place.
            IdentityRule::FirstMember if own.len() < before => own.insert(0, link.member),
            IdentityRule::FirstMember => own.push(link.member),
        }
    }
    let mut next: BTreeMap<&str, &str> = BTreeMap::new();
    for (alias, members) in &members {
        resolved.conflicts += u64::from(members.len() > 1);
        let chosen = match rule {
            IdentityRule::LatestLogin => members.last(),
            IdentityRule::FirstMember => members.first(),
        };
        if let Some(chosen) = chosen {
            resolved.links += 1;
            next.insert(alias, chosen);
        }
    }
    let mut rings: BTreeSet<&str> = BTreeSet::new();
    for id in &known {
        // Along the chain to its end; a ring ends at its least id.
        let (mut at, mut seen) = (id.as_str(), Vec::new());
        let end = loop {
            if let Some(start) = seen.iter().position(|passed| *passed == at) {
                let least = seen.iter().skip(start).min().copied().unwrap_or(at);
                rings.insert(least);
                break least;
            }
            seen.push(at);
            match next.get(at) {
                Some(further) => at = further,
                None => break at,
            }
        };
        resolved.canonical.insert(id.clone(), end.to_owned());
    }
    resolved.rings = rings.len() as u64;
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links as `alias>member@time`, unlinks as `alias!member@time`.
    fn links(text: &str) -> Vec<Link> {
        let rows = text.split_whitespace().zip(0..);
        rows.map(|(row, row_no)| {
            let (pair, at) = row.split_once('@').unwrap_or((row, ""));
            let is_unlink = pair.contains('!');
            let (alias, member) = pair.split_once(['>', '!']).unwrap();
            Link { at_s: at.parse().ok(), row_no, alias: alias.into(), member: member.into(), is_unlink }
        })
        .collect()
    }

    fn check(text: &str, rule: IdentityRule, expected: &str) -> Resolved {
        let resolved = resolve(links(text), rule);
        let found: Vec<String> = resolved.canonical.iter().map(|(id, to)| format!("{id}={to}")).collect();
        assert_eq!(found.join(" "), expected, "{text}");
        let mut reversed = links(text);
        reversed.reverse();
        assert_eq!(resolve(reversed, rule), resolved, "{text}: the order of rows does not matter");
        resolved
    }

    #[test]
    fn links_are_followed_to_their_end() {
        use IdentityRule::{FirstMember, LatestLogin};
        check("", LatestLogin, "");
        check("b1>anna@1", LatestLogin, "anna=anna b1=anna");
        check("b1>old@1 old>anna@2", LatestLogin, "anna=anna b1=anna old=anna");
        let shared = "b1>anna@1 b1>bert@2";
        assert_eq!(check(shared, LatestLogin, "anna=anna b1=bert bert=bert").conflicts, 1);
        assert_eq!(check(shared, FirstMember, "anna=anna b1=anna bert=bert").conflicts, 1);
        check("b1>anna@1 b1>bert@2 b1>anna@3", LatestLogin, "anna=anna b1=anna bert=bert");
        check("b1>bert@5 b1>anna", LatestLogin, "anna=anna b1=bert bert=bert");
        assert_eq!(check("a>b@1 b>a@2", LatestLogin, "a=a b=a").rings, 1);
        assert_eq!(check("c>b@1 b>a@1 a>b@2", LatestLogin, "a=a b=a c=a").rings, 1);
        assert_eq!(check("a>a@1", LatestLogin, "a=a").links, 0);
    }

    #[test]
    fn links_can_be_taken_back_and_made_again() {
        use IdentityRule::LatestLogin;
        let gone = check("b1>anna@1 b1!anna@2", LatestLogin, "anna=anna b1=b1");
        assert_eq!((gone.links, gone.unlinked, gone.conflicts), (0, 1, 0));
        check("b1>anna@1 b1!anna@2 b1>anna@3", LatestLogin, "anna=anna b1=anna");
        check("b1>anna@1 b1>bert@2 b1!bert@3", LatestLogin, "anna=anna b1=anna bert=bert");
        // Taking back what never was changes nothing.
        assert_eq!(check("b1>anna@1 b1!bert@2", LatestLogin, "anna=anna b1=anna bert=bert").unlinked, 0);
    }
}
