//! The script that runs clients nobody here wrote: what is a failure, and what is no more than a registry that is away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

/// Makes environments whose pip installs nothing, and finds the registry or does not.
const PYTHON: &str = r#"#!/bin/sh
case "$1" in
    -c) exit 0 ;;
    -m)
        mkdir -p "$3/bin"
        printf '#!/bin/sh\ncase "$*" in *wheel) exit "$REGISTRY" ;; *) exit 1 ;; esac\n' >"$3/bin/pip"
        chmod +x "$3/bin/pip"
        ;;
esac
"#;

/// Looks for pymesos where it cannot be installed.
fn look(registry: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python3");
    fs::write(&python, PYTHON).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/clients/run"))
        .arg("--pymesos")
        .env("PATH", path)
        .env("XDG_CACHE_HOME", folder.path())
        .env("REGISTRY", registry)
        .output()
        .unwrap()
}

#[test]
fn a_client_that_cannot_be_installed_is_a_failure_and_a_registry_that_is_away_is_none() {
    let answers = look("0");
    let said = String::from_utf8_lossy(&answers.stderr);
    assert_eq!(answers.status.code(), Some(1), "{said}");
    assert!(said.contains("FAILED: pymesos cannot be installed although its registry answers"), "{said}");
    let away = look("1");
    let said = String::from_utf8_lossy(&away.stderr);
    assert_eq!((away.status.code(), away.stdout.len()), (Some(0), 0), "{said}");
    assert!(said.contains("SKIPPED: the test with pymesos did not run: its registry does not answer"), "{said}");
}
