//! Texts that flags give: themselves, or in a file, as Apache Mesos takes both.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::read_text;

/// The value of a flag that may be a secret itself: never printed.
#[derive(Clone)]
pub struct Hidden(String);

impl Hidden {
    /// The value.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Infallible> {
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The text a flag gives: `file://` and the path of a file, a path alone, or JSON as it stands.
///
/// # Errors
/// As [`read_text`], and names the file.
pub fn given_text(value: &str) -> io::Result<String> {
    if value.trim_start().starts_with(['{', '[']) {
        return Ok(value.to_owned());
    }
    let path = value.strip_prefix("file://").unwrap_or(value);
    // What is no path may be a secret that was not written as it should be.
    let shown = if path.contains(char::is_whitespace) { "what is given" } else { path };
    read_text(Path::new(path)).map_err(|error| io::Error::new(error.kind(), format!("{shown}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_in_the_flag_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acls.json");
        std::fs::write(&path, "{\"permissive\": false}").unwrap();
        let path = path.display().to_string();
        for given in [path.clone(), format!("file://{path}"), "{\"permissive\": false}".to_owned()] {
            assert_eq!(given_text(&given).unwrap(), "{\"permissive\": false}", "{given}");
        }
        assert_eq!(given_text(" [1]").unwrap(), " [1]");
        let missing = given_text("file:///nowhere/acls").unwrap_err().to_string();
        assert!(missing.starts_with("/nowhere/acls: "), "{missing}");
    }
}
