//! Where a test keeps its data: an SQLite file, or a database of its own on the PostgreSQL that `TEST_DATABASE_URL` names when
//! `TEST_ENGINE` is `postgres`. The whole suite has to be green on both.

use std::path::Path;

/// An empty database.
pub(crate) struct Database {
    url: String,
    /// In memory where there is such a place: the speed of the disk adds nothing but time.
    _folder: tempfile::TempDir,
}

impl Database {
    /// On what the suite runs on.
    pub(crate) async fn make() -> Self {
        if is_postgres() { Self::postgres().await.unwrap() } else { Self::sqlite() }
    }

    /// An SQLite file.
    pub(crate) fn sqlite() -> Self {
        let folder = folder();
        Self { url: format!("sqlite://{}", folder.path().join("test.db").display()), _folder: folder }
    }

    /// On PostgreSQL, whatever the suite runs on; none when there is none.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            eprintln!("TEST_DATABASE_URL is not set: nothing was tested on PostgreSQL");
            return None;
        };
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{}", server::ids::new("it").to_lowercase().replace('_', ""));
        store::postgres::create(&url).await.unwrap();
        Some(Self { url, _folder: folder() })
    }

    /// What the program has to be told of it.
    pub(crate) fn settings(&self) -> [(&'static str, &str); 2] {
        // On PostgreSQL no file beside the database holds it.
        [("DATABASE_URL", &self.url), ("ENCRYPTION_KEY", if self.url.starts_with("postgres") { KEY } else { "" })]
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Whether this run is PostgreSQL's.
pub(crate) fn is_postgres() -> bool {
    std::env::var("TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}
