//! Files that are shown: `/files/browse`, `/files/read`, `/files/download`, and what LIST_FILES and READ_FILE answer.
//! `/files/debug` tells what is attached where.
//!
//! Callers name virtual paths; whoever attaches them says which folder or file is meant. What lies below is opened by the
//! system beneath that folder and nowhere else: neither `..` nor a link that a task plants or swaps leads out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use serde::Deserialize;
use serde_json::json;

use super::{Refusal, Site, answer_json, record_stream};
use crate::wire::v1;

/// What one read gives at most (as in Mesos).
pub const READ_BYTES_MAX: u64 = 16 * 4_096;
/// Entries of one folder that are listed.
const ENTRIES_MAX: usize = 100_000;
const PIECE_BYTES: usize = 64 << 10;

/// Says what a virtual path means.
pub trait Roots: Send + Sync + std::fmt::Debug + 'static {
    /// The folder or file that is attached at the beginning of `path`, and what is left of the path; nothing when nothing is.
    fn find(&self, path: &str) -> Option<(PathBuf, String)>;

    /// Everything that is attached, by its virtual path.
    fn all(&self) -> BTreeMap<String, PathBuf>;
}

/// A fixed set of attached folders and files. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Attached(Arc<RwLock<BTreeMap<String, PathBuf>>>);

impl Attached {
    /// Attaches a folder or file, instead of any other at that path.
    pub fn attach(&self, path: impl Into<String>, real: impl Into<PathBuf>) {
        let path = path.into().trim_end_matches('/').to_owned();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(path, real.into());
    }

    /// Shows it no more.
    pub fn detach(&self, path: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(path.trim_end_matches('/'));
    }
}

impl Roots for Attached {
    fn find(&self, path: &str) -> Option<(PathBuf, String)> {
        let attached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut candidate = path.trim_end_matches('/');
        loop {
            if let Some(real) = attached.get(candidate) {
                return Some((real.clone(), path[candidate.len()..].trim_matches('/').to_owned()));
            }
            candidate = &candidate[..candidate.rfind('/')?];
        }
    }

    fn all(&self) -> BTreeMap<String, PathBuf> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Shows files. Clones share what is attached.
#[derive(Debug, Clone)]
pub struct Files(Arc<dyn Roots>);

impl Files {
    /// Shows what these roots say.
    pub fn new(roots: impl Roots) -> Self {
        Self(Arc::new(roots))
    }

    /// Adds the paths under `/files` to a site.
    #[must_use]
    pub fn add_to(self, site: Site) -> Site {
        site.route("/files/browse", get(browse).with_state(self.clone()))
            .route("/files/read", get(read).with_state(self.clone()))
            .route("/files/download", get(download).with_state(self.clone()))
            .route("/files/debug", get(debug).with_state(self))
    }

    /// What lies in a folder; a file stands for itself.
    ///
    /// # Errors
    /// 404 when there is nothing, 400 when the path is none.
    pub async fn list(&self, path: &str) -> Result<Vec<v1::FileInfo>, Refusal> {
        let (files, path) = (self.clone(), path.to_owned());
        blocking(move || files.list_now(&path)).await
    }

    /// A file's size, and a part of it. Without a length, as much as one read gives.
    ///
    /// # Errors
    /// 404 when there is nothing, 400 when it is a folder or the offset is beyond the end.
    pub async fn read(&self, path: &str, offset: u64, length: Option<u64>) -> Result<(u64, Vec<u8>), Refusal> {
        let (files, path) = (self.clone(), path.to_owned());
        blocking(move || files.read_now(&path, offset, length.unwrap_or(READ_BYTES_MAX))).await
    }

    fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Refusal> {
        if path.contains('\0') || path.split('/').any(|part| part == "..") {
            return Err(Refusal::bad_request("the path must not contain '..'"));
        }
        let missing = || Refusal::not_found(format!("nothing is shown at {path:?}"));
        let (root, rest) = self.0.find(path).ok_or_else(missing)?;
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        if rest.is_empty() {
            return rustix::fs::open(&root, flags, Mode::empty()).map_err(|_| missing());
        }
        let folder = rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|_| missing())?;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(folder, Path::new(&rest), flags, Mode::empty(), beneath).map_err(|_| missing())
    }

    fn list_now(&self, path: &str) -> Result<Vec<v1::FileInfo>, Refusal> {
        let broken = |error: rustix::io::Errno| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        let opened = self.open(path, OFlags::empty())?;
        let stat = rustix::fs::fstat(&opened).map_err(broken)?;
        let path = path.trim_end_matches('/');
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(vec![info(path.to_owned(), &stat)]);
        }
        let mut infos = Vec::new();
        for entry in Dir::read_from(opened.as_fd()).map_err(broken)?.take(ENTRIES_MAX) {
            let entry = entry.map_err(broken)?;
            let name = entry.file_name();
            let Ok(text) = name.to_str() else { continue };
            if text == "." || text == ".." {
                continue;
            }
            // It may be gone by now.
            if let Ok(stat) = rustix::fs::statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) {
                infos.push(info(format!("{path}/{text}"), &stat));
            }
        }
        infos.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(infos)
    }

    fn open_file(&self, path: &str) -> Result<(File, u64), Refusal> {
        let opened = self.open(path, OFlags::empty())?;
        let stat = rustix::fs::fstat(&opened)
            .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Refusal::bad_request(format!("{path:?} is no file that can be read; browse it")));
        }
        Ok((File::from(opened), u64::try_from(stat.st_size).unwrap_or(0)))
    }

    fn read_now(&self, path: &str, offset: u64, length: u64) -> Result<(u64, Vec<u8>), Refusal> {
        let (mut file, size) = self.open_file(path)?;
        if offset > size {
            return Err(Refusal::bad_request(format!("offset {offset} is beyond the end of the file at {size}")));
        }
        let length = length.min(READ_BYTES_MAX).min(size - offset);
        let mut data = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let filled = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(length).read_to_end(&mut data));
        filled.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        Ok((size, data))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())))
}

fn info(path: String, stat: &Stat) -> v1::FileInfo {
    #[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "widths differ by machine")]
    v1::FileInfo {
        path,
        nlink: i32::try_from(stat.st_nlink).ok(),
        size: u64::try_from(stat.st_size).ok(),
        mtime: Some(v1::TimeInfo { nanoseconds: i64::from(stat.st_mtime).saturating_mul(1_000_000_000) }),
        mode: Some(stat.st_mode),
        uid: Some(name_of(&USERS, stat.st_uid)),
        gid: Some(name_of(&GROUPS, stat.st_gid)),
    }
}

static USERS: LazyLock<BTreeMap<u32, String>> = LazyLock::new(|| names("/etc/passwd"));
static GROUPS: LazyLock<BTreeMap<u32, String>> = LazyLock::new(|| names("/etc/group"));

fn name_of(names: &BTreeMap<u32, String>, id: u32) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// Names by number, of a file whose lines begin with `name:x:number:`.
fn names(path: &str) -> BTreeMap<u32, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        Some((parts.nth(1)?.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[derive(Debug, Deserialize)]
struct Named {
    path: Option<String>,
}

impl Named {
    fn path(self) -> Result<String, Refusal> {
        self.path
            .filter(|path| !path.is_empty())
            .ok_or_else(|| Refusal::bad_request("Expecting 'path=value' in query."))
    }
}

async fn browse(State(files): State<Files>, Query(named): Query<Named>) -> Result<Response, Refusal> {
    let infos = files.list(&named.path()?).await?;
    let entry = |info: v1::FileInfo| {
        json!({
            "path": info.path,
            "nlink": info.nlink,
            "size": info.size,
            "mtime": info.mtime.map(|time| time.nanoseconds / 1_000_000_000),
            "mode": info.mode.map(mode_text),
            "uid": info.uid,
            "gid": info.gid,
        })
    };
    let list: Vec<_> = infos.into_iter().map(entry).collect();
    Ok(answer_json(serde_json::Value::Array(list).to_string()))
}

/// What is attached where; as in Mesos, names of files and nothing of what is in them.
async fn debug(State(files): State<Files>) -> Result<Response, Refusal> {
    let all = blocking(move || Ok(files.0.all())).await?;
    let all: serde_json::Map<_, _> =
        all.into_iter().map(|(path, real)| (path, real.display().to_string().into())).collect();
    Ok(answer_json(serde_json::Value::Object(all).to_string()))
}

/// As `ls -l` writes it.
fn mode_text(mode: u32) -> String {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        _ => '-',
    };
    let bits = (0..9).rev().map(|bit| if mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' });
    std::iter::once(kind).chain(bits).collect()
}

#[derive(Debug, Deserialize)]
struct Part {
    path: Option<String>,
    offset: Option<i64>,
    length: Option<i64>,
}

async fn read(State(files): State<Files>, Query(part): Query<Part>) -> Result<Response, Refusal> {
    let path = Named { path: part.path }.path()?;
    let Ok(offset) = u64::try_from(part.offset.unwrap_or(-1)) else {
        // How the end is found.
        let (size, _) = files.read(&path, 0, Some(0)).await?;
        return Ok(answer_json(json!({"data": "", "offset": size}).to_string()));
    };
    let (_, data) = files.read(&path, offset, part.length.and_then(|length| u64::try_from(length).ok())).await?;
    Ok(answer_json(json!({"data": String::from_utf8_lossy(&data), "offset": offset}).to_string()))
}

/// Reads what is asked of `/files/read`, and finds out what the path means, for fuzzing: nothing outside what is shown.
#[cfg(any(test, fuzzing))]
pub(in crate::net) fn decode_query(query: &str) {
    let Ok(uri) = http::Uri::try_from(format!("/files/read?{query}")) else { return };
    let Ok(Query(part)) = Query::<Part>::try_from_uri(&uri) else { return };
    let Ok(path) = (Named { path: part.path }).path() else { return };
    let attached = Attached::default();
    attached.attach("/frameworks/f", "/nowhere/sandbox");
    if let Some((real, rest)) = attached.find(&path) {
        assert_eq!(real, Path::new("/nowhere/sandbox"));
        assert!(!rest.starts_with('/'), "{rest} would be read from the root");
    }
    // Nothing lies there; whatever is asked, it is refused.
    assert!(Files::new(attached).open(&path, OFlags::empty()).is_err());
}

async fn download(State(files): State<Files>, Query(named): Query<Named>) -> Result<Response, Refusal> {
    let path = named.path()?;
    let name = path.rsplit('/').next().unwrap_or_default().replace(['"', '\\'], "_");
    let (file, _) = blocking(move || files.open_file(&path)).await?;
    let (out, body) = record_stream();
    tokio::spawn(async move {
        let mut file = file;
        loop {
            let piece = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; PIECE_BYTES];
                let read = file.read(&mut piece).unwrap_or(0);
                piece.truncate(read);
                (file, piece)
            });
            let Ok((again, piece)) = piece.await else { return };
            if piece.is_empty() || out.send_frame(piece.into()).await.is_err() {
                return;
            }
            file = again;
        }
    });
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().join("sandbox");
        std::fs::create_dir_all(sandbox.join("logs")).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        std::fs::write(sandbox.join("stdout"), "hello world").unwrap();
        std::fs::write(sandbox.join("logs/a"), "a").unwrap();
        std::os::unix::fs::symlink("../secret", sandbox.join("up")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", sandbox.join("absolute")).unwrap();
        std::os::unix::fs::symlink("logs", sandbox.join("latest")).unwrap();
        let attached = Attached::default();
        attached.attach("/frameworks/f", &sandbox);
        attached.attach("/master/log", sandbox.join("stdout"));
        (folder, Files::new(attached))
    }

    #[tokio::test]
    async fn files_are_listed_and_read_in_parts() {
        let (_folder, files) = shown();
        let paths = |infos: Vec<v1::FileInfo>| infos.into_iter().map(|info| info.path).collect::<Vec<_>>();
        let listed = paths(files.list("/frameworks/f").await.unwrap());
        let expected = ["absolute", "latest", "logs", "stdout", "up"].map(|name| format!("/frameworks/f/{name}"));
        assert_eq!(listed, expected);
        assert_eq!(paths(files.list("/frameworks/f/latest/").await.unwrap()), ["/frameworks/f/latest/a"]);
        assert_eq!(files.read("/frameworks/f/stdout", 6, Some(3)).await.unwrap(), (11, b"wor".to_vec()));
        assert_eq!(files.read("/master/log", 11, None).await.unwrap(), (11, Vec::new()));
        assert_eq!(files.read("/master/log", 12, None).await.unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(files.read("/frameworks/f/logs", 0, None).await.unwrap_err().status, StatusCode::BAD_REQUEST);
        assert_eq!(mode_text(0o100_644), "-rw-r--r--");
        assert_eq!(mode_text(0o040_755), "drwxr-xr-x");
    }

    #[tokio::test]
    async fn nothing_leads_out_of_what_is_shown() {
        let (_folder, files) = shown();
        for out in ["/frameworks/f/up", "/frameworks/f/absolute", "/frameworks/f/../secret", "/secret", "/", ""] {
            let refused = files.read(out, 0, None).await.unwrap_err();
            assert!(matches!(refused.status.as_u16(), 400 | 404), "{out}");
            assert!(files.list(out).await.is_err() || out.ends_with("up") || out.ends_with("absolute"), "{out}");
        }
    }
}
