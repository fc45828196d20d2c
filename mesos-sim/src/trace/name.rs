//! Tables by their names, and what to say where no table has a name.

use super::Table;

/// A name that no table has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no table {name:?}; write one of {known}")]
pub struct UnknownTable {
    /// The name.
    pub name: String,
    /// The names there are, the most similar first.
    pub known: String,
}

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.name() == name)
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`UnknownTable`], with the names there are.
    pub fn named(name: &str) -> Result<Self, UnknownTable> {
        Self::of_name(name).ok_or_else(|| {
            let mut known: Vec<&str> = Self::ALL.iter().map(|table| table.name()).collect();
            known.sort_by_key(|known| distance(name, known));
            UnknownTable { name: name.to_owned(), known: known.join(", ") }
        })
    }

    pub(super) fn names() -> String {
        Self::ALL.iter().map(|table| table.name()).collect::<Vec<_>>().join(", ")
    }
}

/// How many letters have to be put in, left out or changed to make one word of another (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().take(200).enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (place, own) in other.iter().enumerate() {
            let changed = corner + usize::from(*own != letter);
            corner = row[place + 1];
            row[place + 1] = changed.min(corner + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_all_different() {
        for table in Table::ALL {
            assert_eq!(Table::of_name(table.name()), Some(*table));
        }
    }

    #[test]
    fn the_most_similar_name_comes_first() {
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("swf", "swf")], [3, 3, 0]);
        for (wrong, right) in
            [("swff", "swf"), ("openb_pods", "openb-pods"), ("google-2011-tasks", "google-2011-task-usage")]
        {
            let error = Table::named(wrong).unwrap_err();
            assert!(error.known.starts_with(&format!("{right}, ")), "{error}");
            assert_eq!(error.known.split(", ").count(), Table::ALL.len());
        }
    }
}
