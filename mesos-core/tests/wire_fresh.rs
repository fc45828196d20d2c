//! Generated code is committed; this makes sure that it is what the `.proto` files say. `UPDATE_WIRE=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use protox::prost::Message as _;

fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            proto_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
}

/// Compares a file with what it should hold, or writes it.
fn settle(path: &Path, expected: &[u8]) {
    if std::env::var_os("UPDATE_WIRE").is_some() {
        fs::write(path, expected).unwrap();
    }
    let is_fresh = fs::read(path).is_ok_and(|found| found == expected);
    assert!(is_fresh, "{} is stale; run UPDATE_WIRE=1 cargo test -p mesos-core --test wire_fresh", path.display());
}

#[test]
fn generated_code_and_descriptors_are_those_of_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (proto, generated) = (root.join("proto"), root.join("src/wire/generated"));
    let mut files = Vec::new();
    proto_files(&proto, &mut files);
    let mut descriptors = protox::compile(&files, [&proto]).unwrap();
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    settle(&generated.join("descriptors.bin"), &descriptors.encode_to_vec());
    let out = tempfile::tempdir().unwrap();
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .out_dir(out.path())
        .compile_fds_with_config(descriptors, config)
        .unwrap();
    let mut names: Vec<_> = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in &names {
        settle(&generated.join(name), &fs::read(out.path().join(name)).unwrap());
    }
    let committed = fs::read_dir(&generated).unwrap().count();
    assert_eq!(committed, names.len() + 1, "a file lies among the generated ones that nothing generates");
}
