//! What is fetched is where it belongs, and nothing gets out of a sandbox: by name, by link, or out of an archive.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use super::*;

struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.sandbox()).unwrap();
        ground
    }

    fn sandbox(&self) -> std::path::PathBuf {
        self.folder.path().join("sandbox")
    }

    /// A file outside the sandbox, by its URI.
    fn file(&self, name: &str, text: &str) -> Uri {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        Uri::new(format!("file://{}", path.display()))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox().join(name)).unwrap()
    }

    async fn fetch(&self, uris: &[Uri]) -> Result<(), String> {
        fetch(uris, &self.sandbox()).await
    }

    /// An archive of a folder with one file in it.
    fn archive(&self, name: &str) -> Uri {
        let inside = self.folder.path().join("inside");
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join("found"), "inside").unwrap();
        let path = self.folder.path().join(name);
        let made = Command::new("tar").arg("-caf").arg(&path).arg("-C").arg(self.folder.path()).arg("inside").status();
        assert!(made.unwrap().success());
        Uri::new(format!("file://{}", path.display()))
    }
}

#[tokio::test]
async fn files_come_under_their_own_name_or_another_and_may_be_programs() {
    let ground = Ground::new();
    let plain = ground.file("a", "one");
    let mut named = plain.clone();
    named.output_file = Some("bin/run".into());
    named.is_executable = true;
    ground.fetch(&[plain, named]).await.unwrap();
    assert_eq!((ground.read("a"), ground.read("bin/run")), ("one".into(), "one".into()));
    let mode = |name: &str| fs::metadata(ground.sandbox().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("bin/run")), (0o644, 0o755));
}

#[tokio::test]
async fn archives_are_unpacked_unless_told_otherwise() {
    let ground = Ground::new();
    ground.fetch(&[ground.archive("one.tar.gz")]).await.unwrap();
    assert_eq!(ground.read("inside/found"), "inside");
    let ground = Ground::new();
    let mut kept = ground.archive("two.tar");
    kept.is_extracted = false;
    ground.fetch(&[kept]).await.unwrap();
    assert!(ground.sandbox().join("two.tar").exists() && !ground.sandbox().join("inside").exists());
}

#[tokio::test]
async fn what_cannot_be_had_is_named_with_what_is_wrong() {
    let ground = Ground::new();
    let mut gone = ground.file("gone", "");
    gone.value = format!("{}-away", gone.value).into();
    let mut torn = ground.file("torn.tar.gz", "no archive");
    let mut twice = ground.file("twice", "");
    twice.output_file = Some("x".into());
    for (uri, what) in [
        (gone, "No such file"),
        (Uri::new("hdfs://h/x"), "hdfs is not one of the ways"),
        (Uri::new("relative/x"), "file:///path"),
        (Uri::new("file://elsewhere/x"), "of the agent's machine"),
        (Uri::new("file:///etc/"), "say output_file"),
        (Uri::new("file:///dev/null"), "not a plain file"),
        (Uri::new("http://127.0.0.1:1/x"), "refused"),
    ] {
        let refused = Ground::new().fetch(std::slice::from_ref(&uri)).await.unwrap_err();
        assert!(refused.contains(what) && refused.contains(&*uri.value), "{refused}");
    }
    torn.is_extracted = true;
    assert!(ground.fetch(&[torn]).await.unwrap_err().contains("cannot be unpacked"));
    assert!(ground.fetch(&[twice.clone(), twice]).await.unwrap_err().contains("there already"));
}

#[tokio::test]
async fn nothing_is_written_outside_the_sandbox() {
    let ground = Ground::new();
    for escape in ["../x", "/x", "a/../../x", "", ".", "link/x"] {
        symlink(ground.folder.path(), ground.sandbox().join("link")).unwrap();
        let mut uri = ground.file("evil", "evil");
        uri.output_file = Some(escape.into());
        assert!(ground.fetch(&[uri]).await.is_err(), "{escape}");
        fs::remove_file(ground.sandbox().join("link")).unwrap();
    }
    let victim = ground.folder.path().join("victim");
    fs::write(&victim, "intact").unwrap();
    symlink(&victim, ground.sandbox().join("planted")).unwrap();
    let mut uri = ground.file("evil", "evil");
    uri.output_file = Some("planted".into());
    assert!(ground.fetch(&[uri]).await.is_err());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "intact");
}

/// Archives whose members have `..` in their names, or go through a link they bring along.
#[tokio::test]
async fn an_archive_does_not_leave_the_sandbox() {
    let ground = Ground::new();
    let outside = ground.folder.path().join("escaped");
    let tar = |name: &str, arguments: &[&str]| {
        let path = ground.folder.path().join(name);
        let mut command = Command::new("tar");
        command.current_dir(ground.folder.path()).arg("-P").args(["-cf", &path.display().to_string()]).args(arguments);
        assert!(command.status().unwrap().success());
        Uri::new(format!("file://{}", path.display()))
    };
    fs::write(ground.folder.path().join("x"), "evil").unwrap();
    let dots = tar("dots.tar", &["--transform=s|^x$|../escaped|", "x"]);
    let absolute = tar("absolute.tar", &[&format!("--transform=s|^x$|{}|", outside.display()), "x"]);
    symlink("..", ground.folder.path().join("up")).unwrap();
    let link = tar("link.tar", &["--transform=s|^x$|up/escaped|", "up", "x"]);
    for uri in [dots, absolute, link] {
        let sandbox = Ground::new();
        // Whether that is an error is the archiver's to say.
        let said = sandbox.fetch(&[uri]).await;
        assert!(!outside.exists() && !sandbox.folder.path().join("escaped").exists(), "{said:?}");
    }
}
