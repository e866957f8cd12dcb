//! Who may do what in the registry: four roles, each of which may do all that the one before may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a holder of a token, or a person whom Cloudflare Access lets in, may do. Ordered: a later role includes the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads configurations, versions, drafts and the audit log.
    Viewer,
    /// Writes drafts, and makes preview links.
    Editor,
    /// Approves, publishes, schedules and rolls back, switches flags off, and replaces tables.
    Approver,
    /// Makes environments, keys and tokens.
    Admin,
}

impl Role {
    /// All roles, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Approver, Self::Admin];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRole {
    /// The text.
    pub found: String,
}

impl fmt::Display for NoRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no role: there are viewer, editor, approver and admin", self.found)
    }
}

impl std::error::Error for NoRole {}

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| NoRole { found: text.to_owned() })
    }
}

/// Which role people have whom Cloudflare Access lets in, by their mail address.
///
/// Written as `alice@shop.example=approver, *@shop.example=viewer`; the first that fits holds, and who fits none has no role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleList(Vec<(String, Role)>);

impl FromStr for RoleList {
    type Err = String;

    /// Errors: the first entry that is not `<address>=<role>`, in words for the operator.
    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let entry = |it: &str| {
            let (who, role) = it.split_once('=').ok_or_else(|| format!("{it:?} is not <address>=<role>"))?;
            let who = who.trim().to_lowercase();
            if who.is_empty() || who.trim_start_matches('*').contains('*') || who.starts_with("**") {
                return Err(format!("{who:?} is not an address, nor *@ and a domain"));
            }
            if who.starts_with('*') && !who.starts_with("*@") {
                return Err(format!("{who:?} is not *@ and a domain"));
            }
            let role = role.trim().parse::<Role>().map_err(|error| error.to_string())?;
            Ok((who, role))
        };
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

impl RoleList {
    /// The role of a person; `None` when no entry fits.
    pub fn role_of(&self, address: &str) -> Option<Role> {
        let address = address.to_lowercase();
        let fits = |who: &str| match who.strip_prefix('*') {
            // `*@shop.example`: something before the at-sign, and no second one.
            Some(domain) => address.strip_suffix(domain).is_some_and(|it| !it.is_empty() && !it.contains('@')),
            None => who == address,
        };
        self.0.iter().find(|(who, _)| fits(who)).map(|(_, role)| *role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_read_back() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for wrong in ["", "Admin", "root", "viewer "] {
            assert!(wrong.parse::<Role>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_first_entry_that_fits_holds() {
        let list: RoleList =
            "alice@shop.example=approver, bob@shop.example = admin ,*@shop.example=viewer,".parse().unwrap();
        for (address, role) in [
            ("alice@shop.example", Some(Role::Approver)),
            ("Alice@Shop.Example", Some(Role::Approver)),
            ("bob@shop.example", Some(Role::Admin)),
            ("carol@shop.example", Some(Role::Viewer)),
            ("@shop.example", None),
            ("mallory@evil.example", None),
            ("mallory@evil.example@shop.example", None),
            ("mallory@notshop.example", None),
            ("alice@shop.example.evil.example", None),
            ("", None),
        ] {
            assert_eq!(list.role_of(address), role, "{address:?}");
        }
    }

    #[test]
    fn lists_with_mistakes() {
        for wrong in [
            "alice@shop.example",
            "alice@shop.example=owner",
            "=admin",
            "*=admin",
            "*shop.example=admin",
            "a*@shop.example=admin",
            "**@shop.example=admin",
            "*@*=admin",
            "alice@shop.example=admin=admin",
            "alice@shop.example:admin",
        ] {
            assert!(wrong.parse::<RoleList>().is_err(), "{wrong:?}");
        }
        assert_eq!("".parse::<RoleList>().unwrap().role_of("alice@shop.example"), None);
    }
}
