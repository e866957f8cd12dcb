//! The audit log: one entry for each change, chained by hashes, so that an entry cannot be changed, taken out or moved
//! without it showing. `docs/formats/audit-log.md` describes it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::envelope::sha256_hex;
use crate::role::Role;

/// What the first entry has in place of a hash before it: 64 zeros.
pub const AUDIT_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One change. Members in alphabetical order: their JSON is hashed as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// What was done, such as `config.publish`.
    pub action: String,
    /// Who did it: the name of a token, the address of a person, or `root`.
    pub actor: String,
    /// RFC 3339 time of the change.
    pub at: String,
    /// SHA-256 of [`AuditEntry::canonical`], in lower-case hex.
    pub hash: String,
    /// Hash of the entry before; [`AUDIT_START`] for the first.
    pub previous: String,
    /// Why, as the actor said it; empty when not said.
    pub reason: String,
    /// The actor's role at that time.
    pub role: Role,
    /// Number of the entry, from 1, without gaps.
    pub seq: u64,
    /// The change in words.
    pub summary: String,
    /// What it was done to, such as `production` or `draft d7`.
    pub target: String,
}

/// What is hashed: everything but the hash.
#[derive(Serialize)]
struct Canonical<'a> {
    action: &'a str,
    actor: &'a str,
    at: &'a str,
    previous: &'a str,
    reason: &'a str,
    role: Role,
    seq: u64,
    summary: &'a str,
    target: &'a str,
}

/// A change that is not in the log yet.
#[derive(Clone, Debug)]
pub struct AuditDraft {
    /// See [`AuditEntry::action`].
    pub action: String,
    /// See [`AuditEntry::actor`].
    pub actor: String,
    /// See [`AuditEntry::at`].
    pub at: String,
    /// See [`AuditEntry::reason`].
    pub reason: String,
    /// See [`AuditEntry::role`].
    pub role: Role,
    /// See [`AuditEntry::summary`].
    pub summary: String,
    /// See [`AuditEntry::target`].
    pub target: String,
}

impl AuditEntry {
    /// The JSON that is hashed: all members but `hash`, sorted by name, without white space, as RFC 8785 writes them.
    pub fn canonical(&self) -> String {
        let Self { action, actor, at, hash: _, previous, reason, role, seq, summary, target } = self;
        let canonical = Canonical { action, actor, at, previous, reason, role: *role, seq: *seq, summary, target };
        // Strings and a number always serialise.
        serde_json::to_string(&canonical).unwrap_or_default()
    }

    /// The hash that the entry should have.
    pub fn expected_hash(&self) -> String {
        sha256_hex(self.canonical().as_bytes())
    }

    /// The entry as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Where a chain ends: what to note elsewhere, so that entries cut off from the end are missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct AuditHead {
    /// Number of the last entry; 0 for an empty log.
    pub seq: u64,
    /// Hash of the last entry; [`AUDIT_START`] for an empty log.
    pub hash: String,
}

impl Default for AuditHead {
    fn default() -> Self {
        Self { seq: 0, hash: AUDIT_START.to_owned() }
    }
}

impl AuditHead {
    /// Makes the entry of a change that follows this head.
    pub fn seal(&self, draft: AuditDraft) -> AuditEntry {
        let AuditDraft { action, actor, at, reason, role, summary, target } = draft;
        let (seq, previous, hash) = (self.seq.saturating_add(1), self.hash.clone(), String::new());
        let mut entry = AuditEntry { action, actor, at, hash, previous, reason, role, seq, summary, target };
        entry.hash = entry.expected_hash();
        entry
    }

    /// Takes the next entry of a chain.
    ///
    /// Errors: the first rule that it breaks. The head stays where it was.
    pub fn follow(&mut self, entry: &AuditEntry) -> Result<(), AuditBreak> {
        let expected_seq = self.seq.saturating_add(1);
        if entry.seq != expected_seq {
            return Err(AuditBreak::Sequence { expected: expected_seq, found: entry.seq });
        }
        let expected = entry.expected_hash();
        if entry.hash != expected {
            return Err(AuditBreak::Changed { seq: entry.seq, expected, found: entry.hash.clone() });
        }
        if entry.previous != self.hash {
            let (expected, found) = (self.hash.clone(), entry.previous.clone());
            return Err(AuditBreak::Unchained { seq: entry.seq, expected, found });
        }
        *self = Self { seq: entry.seq, hash: entry.hash.clone() };
        Ok(())
    }
}

/// Where a chain breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditBreak {
    /// An entry is missing, or entries are not in their order.
    Sequence {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The entry is not the one that was hashed.
    Changed {
        /// Its number.
        seq: u64,
        /// The hash of what it says now.
        expected: String,
        /// The hash that it carries.
        found: String,
    },
    /// The entry before is not the one that it followed.
    Unchained {
        /// Its number.
        seq: u64,
        /// Hash of the entry before.
        expected: String,
        /// The hash that it says the entry before has.
        found: String,
    },
    /// The chain is sound, and it is not the one whose end was noted.
    Head {
        /// The end that was noted.
        expected: AuditHead,
        /// What the chain has at that number; `None` when it is shorter.
        found: Option<String>,
    },
}

impl fmt::Display for AuditBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { expected, found } if found > expected => {
                write!(f, "entry {expected} is missing: entry {found} comes in its place")
            }
            Self::Sequence { expected, found } => {
                write!(f, "entries are not in their order: entry {found} comes in place of {expected}")
            }
            Self::Changed { seq, expected, found } => {
                write!(f, "entry {seq} was changed: it has SHA-256 {expected}, but carries {found}")
            }
            Self::Unchained { seq, expected, found } => write!(
                f,
                "entry {seq} does not follow the entry before it: that one has hash {expected}, this one names {found}"
            ),
            Self::Head { expected, found: Some(found) } => write!(
                f,
                "this is another log: entry {} has hash {found}, but {} was noted",
                expected.seq, expected.hash
            ),
            Self::Head { expected, found: None } => {
                write!(f, "entries are cut off: the log ends before entry {}, which was noted", expected.seq)
            }
        }
    }
}

impl std::error::Error for AuditBreak {}

/// Checks entries in their order, from the first on.
///
/// Errors: the first break.
pub fn verify_audit<'a>(
    entries: impl IntoIterator<Item = &'a AuditEntry>,
    noted: Option<&AuditHead>,
) -> Result<AuditHead, AuditBreak> {
    let mut head = AuditHead::default();
    let mut found = noted.filter(|it| it.seq == 0).map(|_| head.hash.clone());
    for entry in entries {
        head.follow(entry)?;
        if noted.is_some_and(|it| it.seq == head.seq) {
            found = Some(head.hash.clone());
        }
    }
    match noted {
        Some(noted) if found.as_ref() != Some(&noted.hash) => Err(AuditBreak::Head { expected: noted.clone(), found }),
        _ => Ok(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(n: u64) -> Vec<AuditEntry> {
        let mut head = AuditHead::default();
        (1..=n)
            .map(|i| {
                let entry = head.seal(AuditDraft {
                    action: "config.publish".into(),
                    actor: "alice".into(),
                    at: format!("2026-11-0{i}T00:00:00Z"),
                    reason: "the \"sale\"\nbegins, 加油".into(),
                    role: Role::Approver,
                    summary: format!("version {i}"),
                    target: "production".into(),
                });
                head.follow(&entry).unwrap();
                entry
            })
            .collect()
    }

    fn verify(entries: &[AuditEntry]) -> Result<AuditHead, AuditBreak> {
        verify_audit(entries, None)
    }

    #[test]
    fn a_log_verifies_from_its_json() {
        let entries: Vec<AuditEntry> = log(4).iter().map(|it| serde_json::from_str(&it.to_json()).unwrap()).collect();
        let head = verify(&entries).unwrap();
        assert_eq!((head.seq, &head.hash), (4, &entries[3].hash));
        assert_eq!(verify(&[]).unwrap(), AuditHead::default());
        for entry in &entries {
            let noted = AuditHead { seq: entry.seq, hash: entry.hash.clone() };
            assert_eq!(verify_audit(&entries, Some(&noted)), Ok(head.clone()));
        }
        assert_eq!(verify_audit(&entries, Some(&AuditHead::default())), Ok(head));
    }

    /// `docs/formats/audit-log.md` shows this entry.
    #[test]
    fn what_is_hashed_is_written_down() {
        let canonical = r#"{"action":"config.publish","actor":"alice","at":"2026-11-01T00:00:00Z","previous":"0000000000000000000000000000000000000000000000000000000000000000","reason":"the \"sale\"\nbegins, 加油","role":"approver","seq":1,"summary":"version 1","target":"production"}"#;
        let entry = &log(1)[0];
        assert_eq!(entry.canonical(), canonical);
        let document = include_str!("../../../docs/formats/audit-log.md");
        assert!(document.contains(canonical) && document.contains(&entry.hash), "{}", entry.hash);
    }

    #[test]
    fn a_changed_entry_shows_in_every_member() {
        let changes: [fn(&mut AuditEntry); 8] = [
            |it| it.action = "config.rollback".into(),
            |it| it.actor = "bob".into(),
            |it| it.at = "2026-11-03T00:00:00Z".into(),
            |it| it.reason.clear(),
            |it| it.role = Role::Admin,
            |it| it.summary.push('!'),
            |it| it.target = "staging".into(),
            |it| it.hash = AUDIT_START.into(),
        ];
        for change in changes {
            let mut entries = log(4);
            change(&mut entries[1]);
            assert!(matches!(verify(&entries), Err(AuditBreak::Changed { seq: 2, .. })), "{:?}", entries[1]);
        }
        let mut entries = log(4);
        entries[1].previous = AUDIT_START.into();
        assert!(matches!(verify(&entries), Err(AuditBreak::Changed { seq: 2, .. })));
    }

    #[test]
    fn an_entry_that_was_hashed_again_breaks_the_next() {
        let mut entries = log(4);
        entries[1].summary = "version 7".into();
        entries[1].hash = entries[1].expected_hash();
        assert!(matches!(verify(&entries), Err(AuditBreak::Unchained { seq: 3, .. })));
    }

    #[test]
    fn missing_swapped_and_repeated_entries_show() {
        let removed = |at: usize| {
            let mut entries = log(4);
            entries.remove(at);
            entries
        };
        assert_eq!(verify(&removed(0)), Err(AuditBreak::Sequence { expected: 1, found: 2 }));
        assert_eq!(verify(&removed(2)), Err(AuditBreak::Sequence { expected: 3, found: 4 }));
        let mut swapped = log(4);
        swapped.swap(1, 2);
        assert_eq!(verify(&swapped), Err(AuditBreak::Sequence { expected: 2, found: 3 }));
        let mut repeated = log(4);
        repeated.insert(2, repeated[1].clone());
        assert_eq!(verify(&repeated), Err(AuditBreak::Sequence { expected: 3, found: 2 }));
        // Swapped, and numbered and hashed anew: the next one gives it away.
        let mut renumbered = log(4);
        renumbered.swap(1, 2);
        for (i, entry) in renumbered.iter_mut().enumerate().skip(1).take(2) {
            entry.seq = i as u64 + 1;
            entry.hash = entry.expected_hash();
        }
        assert!(matches!(verify(&renumbered), Err(AuditBreak::Unchained { seq: 2, .. })));
    }

    #[test]
    fn what_is_cut_off_at_the_end_shows_against_a_noted_head() {
        let entries = log(4);
        let noted = AuditHead { seq: 4, hash: entries[3].hash.clone() };
        let found = verify_audit(&entries[..3], Some(&noted));
        assert_eq!(found, Err(AuditBreak::Head { expected: noted.clone(), found: None }));
        let mut other = log(3);
        let mut head = verify(&other).unwrap();
        let entry = head.seal(AuditDraft {
            action: "config.kill".into(),
            actor: "mallory".into(),
            at: String::new(),
            reason: String::new(),
            role: Role::Admin,
            summary: String::new(),
            target: String::new(),
        });
        head.follow(&entry).unwrap();
        other.push(entry);
        assert!(matches!(verify_audit(&other, Some(&noted)), Err(AuditBreak::Head { found: Some(_), .. })));
    }
}
