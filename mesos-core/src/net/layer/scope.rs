//! Which paths a layer is about.

/// All but some.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    excepted: Vec<&'static str>,
}

impl Scope {
    /// This path is not meant, nor is, when it ends with a slash, what lies below.
    pub(super) fn except(&mut self, path: &'static str) {
        self.excepted.push(path);
    }

    /// Whether a path is meant.
    pub(super) fn holds(&self, path: &str) -> bool {
        // The root alone is no prefix: it would be one of everything.
        let is_prefix = |own: &str| own.len() > 1 && own.ends_with('/');
        let is_excepted = |own: &&str| if is_prefix(own) { path.starts_with(*own) } else { path == *own };
        !self.excepted.iter().any(is_excepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_with_a_slash_is_all_below_it_but_the_root_is_itself() {
        let mut scope = Scope::default();
        for path in ["/", "/health", "/streams/"] {
            scope.except(path);
        }
        for (path, holds) in [
            ("/", false),
            ("/health", false),
            ("/health/x", true),
            ("/streams/a", false),
            ("/streams", true),
            ("/state", true),
        ] {
            assert_eq!(scope.holds(path), holds, "{path}");
        }
    }
}
