//! How messages name a URI: without what whoever reads them could use.
//!
//! Messages of failed tasks reach their framework, every view of the master and its log. A URI may hold a name and
//! password before its host, and a signature among its questions.

/// The URI without what identifies its owner: neither name and password, nor what follows `?` or `#`.
pub(in crate::daemon) fn shown(uri: &str) -> String {
    let (plain, hidden) = uri.split_at(uri.find(['?', '#']).unwrap_or(uri.len()));
    let end = hidden.chars().next().map_or(String::new(), |mark| format!("{mark}…"));
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or(rest);
            let place = authority.rfind('@').map_or(rest, |at| &rest[at + 1..]);
            format!("{scheme}://{place}{end}")
        }
        None => format!("{plain}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_doors_is_not_shown() {
        for (uri, name) in [
            ("http://user:secret@h:1/a@b", "http://h:1/a@b"),
            ("https://us@er:secret@h", "https://h"),
            ("https://h/a?signature=secret", "https://h/a?…"),
            ("https://h/a#secret?secret", "https://h/a#…"),
            ("https://user:secret@h?secret", "https://h?…"),
            ("file:///a/b", "file:///a/b"),
            ("/a/b", "/a/b"),
            ("relative/x", "relative/x"),
            ("", ""),
            ("://@", "://"),
        ] {
            assert_eq!(shown(uri), name);
        }
    }
}
