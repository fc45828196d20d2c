//! `mesos-sim trace`, as it is run.

use std::process::{Command, Output};

fn trace(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mesos-sim")).arg("trace").args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file that is told by its first lines is not read under a name that means nothing.
#[test]
fn a_name_that_no_table_has_is_an_error_with_the_names_there_are() {
    let file = std::env::temp_dir().join(format!("mesos-sim-trace-{}.swf", std::process::id()));
    let sample = trace(&["--sample", "swf"]);
    assert!(sample.status.success());
    std::fs::write(&file, &sample.stdout).unwrap();
    let path = file.to_str().unwrap();
    for arguments in [&[path, "--table", "swff"][..], &["--sample", "swff"]] {
        let output = trace(arguments);
        let said = text(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {}", text(&output.stdout));
        assert!(said.contains("there is no table \"swff\"; write one of swf, gwf, "), "{said}");
    }
    for arguments in [&[path][..], &[path, "--table", "swf"]] {
        let output = trace(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("swf, 7 lines, 4 rows, 1 refused"), "{}", text(&output.stdout));
    }
    std::fs::remove_file(&file).unwrap();
}
