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
        let is_excepted = |own: &&str| if own.ends_with('/') { path.starts_with(*own) } else { path == *own };
        !self.excepted.iter().any(is_excepted)
    }
}
