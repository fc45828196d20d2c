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

    fn sandbox(&self) -> PathBuf {
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
        self.fetch_with(&FetcherOptions::default(), uris).await
    }

    async fn fetch_with(&self, options: &FetcherOptions, uris: &[Uri]) -> Result<(), String> {
        Fetcher::new(options).unwrap().fetch(uris, &self.sandbox()).await
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
    let secret = Uri::new("http://name:hunter2@127.0.0.1:1/x?hunter2");
    let refused = Ground::new().fetch(&[secret]).await.unwrap_err();
    assert!(refused.contains("http://127.0.0.1:1/x") && !refused.contains("hunter2"), "{refused}");
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

/// A member of an archive as the format writes it, with nothing checked.
fn member(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", data.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut written = header.to_vec();
    written.extend_from_slice(data);
    written.resize(written.len().next_multiple_of(512), 0);
    written
}

const FILE: u8 = b'0';
const HARD_LINK: u8 = b'1';
const LINK: u8 = b'2';

/// Archives whose members have `..` in their names, are absolute, or go through a link they bring along.
#[tokio::test]
async fn an_archive_does_not_leave_the_sandbox() {
    for (n, members) in [
        vec![("../escaped", FILE, "")],
        vec![("a/../../escaped", FILE, "")],
        vec![("OUTSIDE/escaped", FILE, "")],
        vec![("up", LINK, ".."), ("up/escaped", FILE, "")],
        vec![("up", LINK, "OUTSIDE"), ("up/escaped", FILE, "")],
        vec![("one", LINK, "."), ("one/up", LINK, ".."), ("one/up/escaped", FILE, "")],
        vec![("it", LINK, "OUTSIDE/victim"), ("it", FILE, "")],
        vec![("it", HARD_LINK, "OUTSIDE/victim"), ("it", FILE, "")],
        vec![("it", HARD_LINK, "../victim"), ("it", FILE, "")],
        vec![("stdout", LINK, "OUTSIDE/victim"), ("stdout", FILE, "")],
    ]
    .into_iter()
    .enumerate()
    {
        let ground = Ground::new();
        let outside = ground.folder.path().display().to_string();
        let victim = ground.folder.path().join("victim");
        fs::write(&victim, "intact").unwrap();
        let real = |text: &str| text.replace("OUTSIDE", &outside);
        let mut archive: Vec<u8> =
            members.iter().flat_map(|(name, kind, link)| member(&real(name), *kind, &real(link), b"evil")).collect();
        archive.extend([0; 1_024]);
        let path = ground.folder.path().join("a.tar");
        fs::write(&path, archive).unwrap();
        // Whether that is an error is the archiver's to say.
        let said = ground.fetch(&[Uri::new(format!("file://{}", path.display()))]).await;
        assert!(!ground.folder.path().join("escaped").exists(), "{n}: {said:?}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "intact", "{n}: {said:?}");
    }
}

/// Small archives that become large, and many.
#[tokio::test]
async fn an_archive_that_grows_without_end_is_given_up() {
    let mut options = FetcherOptions { bytes_max: 8 << 20, ..FetcherOptions::default() };
    let ground = Ground::new();
    let large = ground.folder.path().join("zeros");
    fs::write(&large, vec![0; 256 << 20]).unwrap();
    let packed = Command::new("gzip").arg("-9").arg(&large).status().unwrap();
    assert!(packed.success());
    let bomb = ground.folder.path().join("zeros.gz");
    assert!(fs::metadata(&bomb).unwrap().len() < 1 << 20);
    let refused = ground.fetch_with(&options, &[Uri::new(format!("file://{}", bomb.display()))]).await.unwrap_err();
    assert!(refused.contains("more than 8388608 bytes"), "{refused}");

    let ground = Ground::new();
    let mut archive: Vec<u8> = (0..64).flat_map(|n| member(&format!("f{n}"), FILE, "", &[1; 256 << 10])).collect();
    archive.extend([0; 1_024]);
    let path = ground.folder.path().join("a.tar");
    fs::write(&path, &archive).unwrap();
    let zipped = Command::new("gzip").arg(&path).status().unwrap();
    assert!(zipped.success());
    let bomb = Uri::new(format!("file://{}.gz", path.display()));
    let refused = ground.fetch_with(&options, std::slice::from_ref(&bomb)).await.unwrap_err();
    assert!(refused.contains("more than 8388608 bytes"), "{refused}");
    options.bytes_max = 64 << 20;
    Ground::new().fetch_with(&options, &[bomb]).await.unwrap();
}

#[tokio::test]
async fn what_is_too_long_is_not_copied() {
    let options = FetcherOptions { bytes_max: 100_000, ..FetcherOptions::default() };
    let ground = Ground::new();
    let long = ground.file("long", &"x".repeat(100_001));
    let refused = ground.fetch_with(&options, &[long]).await.unwrap_err();
    assert!(refused.contains("longer than 100000 bytes"), "{refused}");
    // Each may be had, and all together not.
    let ground = Ground::new();
    let uris: Vec<Uri> = (0..3).map(|n| ground.file(&format!("f{n}"), &"x".repeat(40_000))).collect();
    let refused = ground.fetch_with(&options, &uris).await.unwrap_err();
    assert!(refused.contains("in the sandbox"), "{refused}");
}

/// What the agent may read is not for everybody whose container asks for it.
#[tokio::test]
async fn a_file_is_read_as_the_owner_of_the_sandbox() {
    if !nix::unistd::geteuid().is_root() {
        // Everybody is the same here: there is nobody to keep it from.
        return;
    }
    let nobody = 65_534;
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    for is_cached in [false, true] {
        let ground = Ground::new();
        open(ground.folder.path());
        std::os::unix::fs::chown(ground.sandbox(), Some(nobody), Some(nobody)).unwrap();
        let cache_dir = Some(ground.folder.path().join("cache"));
        let options = FetcherOptions { cache_dir, ..FetcherOptions::default() };
        let (mut secret, mut public) = (ground.file("secret", "of the agent"), ground.file("public", "for all"));
        (secret.is_cached, public.is_cached) = (is_cached, is_cached);
        fs::set_permissions(ground.folder.path().join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        let refused = ground.fetch_with(&options, &[secret]).await.unwrap_err();
        assert!(refused.contains("Permission denied"), "{refused}");
        assert_eq!(fs::read_to_string(ground.sandbox().join("secret")).unwrap_or_default(), "");
        ground.fetch_with(&options, &[public]).await.unwrap();
        assert_eq!(ground.read("public"), "for all");
        let refused = ground.fetch_with(&options, &[Uri::new("file:///dev/zero")]).await.unwrap_err();
        assert!(refused.contains("not a plain file"), "{refused}");
    }
}

mod cache {
    use std::sync::Arc;

    use super::*;

    fn options(ground: &Ground, bytes_max: u64) -> FetcherOptions {
        let cache_dir = Some(ground.folder.path().join("cache"));
        FetcherOptions { cache_dir, cache_bytes_max: bytes_max, ..FetcherOptions::default() }
    }

    /// A file outside the sandbox that may be kept.
    fn kept(ground: &Ground, name: &str, bytes: usize) -> Uri {
        let mut uri = ground.file(name, &"x".repeat(bytes));
        uri.is_cached = true;
        uri
    }

    /// Fetches into a sandbox of its own; how much came.
    async fn fetched(fetcher: &Fetcher, uri: &Uri) -> Result<usize, String> {
        let other = Ground::new();
        fetcher.fetch(std::slice::from_ref(uri), &other.sandbox()).await?;
        let name = uri.value.rsplit_once('/').unwrap().1.to_owned();
        Ok(other.read(&name).len())
    }

    fn bytes(fetcher: &Fetcher) -> u64 {
        fetcher.cache.as_ref().unwrap().bytes()
    }

    #[tokio::test]
    async fn what_may_be_kept_is_fetched_once_and_copied() {
        let ground = Ground::new();
        let fetcher = Fetcher::new(&options(&ground, 1_000)).unwrap();
        let uri = kept(&ground, "a", 10);
        assert_eq!(fetched(&fetcher, &uri).await, Ok(10));
        // What it was then counts, and nobody changes that.
        fs::write(ground.folder.path().join("a"), "another").unwrap();
        assert_eq!(fetched(&fetcher, &uri).await, Ok(10));
        let mut anew = uri.clone();
        anew.is_cached = false;
        assert_eq!(fetched(&fetcher, &anew).await, Ok(7));
        assert_eq!(bytes(&fetcher), 10);
        // A cache does not outlive its fetcher.
        drop(fetcher);
        let fetcher = Fetcher::new(&options(&ground, 1_000)).unwrap();
        assert_eq!((bytes(&fetcher), fetched(&fetcher, &uri).await), (0, Ok(7)));
    }

    #[tokio::test]
    async fn the_cache_has_a_bound_and_what_was_asked_for_last_stays() {
        let ground = Ground::new();
        let fetcher = Fetcher::new(&options(&ground, 100)).unwrap();
        let (a, b, c) = (kept(&ground, "a", 40), kept(&ground, "b", 40), kept(&ground, "c", 40));
        for uri in [&a, &b, &a, &c] {
            assert_eq!(fetched(&fetcher, uri).await, Ok(40));
            assert!(bytes(&fetcher) <= 100);
        }
        for name in ["a", "b", "c"] {
            fs::write(ground.folder.path().join(name), "new").unwrap();
        }
        assert_eq!(fetched(&fetcher, &a).await, Ok(40), "it was asked for again");
        assert_eq!(fetched(&fetcher, &c).await, Ok(40), "it came last");
        assert_eq!(fetched(&fetcher, &b).await, Ok(3), "it had to go");
        // What fits nowhere is fetched all the same.
        assert_eq!(fetched(&fetcher, &kept(&ground, "d", 101)).await, Ok(101));
        assert!(bytes(&fetcher) <= 100);
        let files = fs::read_dir(ground.folder.path().join("cache/fetched")).unwrap().count();
        assert!(files <= 3, "{files} files");
    }

    #[tokio::test]
    async fn who_asks_while_it_is_on_its_way_waits_and_what_could_not_be_had_is_tried_again() {
        let ground = Ground::new();
        let fetcher = Arc::new(Fetcher::new(&options(&ground, 1 << 20)).unwrap());
        let uri = kept(&ground, "a", 100_000);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (fetcher, uri) = (fetcher.clone(), uri.clone());
                tokio::spawn(async move { fetched(&fetcher, &uri).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(100_000));
        }
        assert_eq!(bytes(&fetcher), 100_000);
        let late = kept(&ground, "late", 5);
        fs::remove_file(ground.folder.path().join("late")).unwrap();
        assert!(fetched(&fetcher, &late).await.is_err());
        fs::write(ground.folder.path().join("late"), "came").unwrap();
        assert_eq!(fetched(&fetcher, &late).await, Ok(4));
        assert_eq!(bytes(&fetcher), 100_004);
    }
}
