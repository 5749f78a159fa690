//! What encrypts the seeds of second factors: a key that is not in the database, so that a copy of the database alone signs nobody in.
//!
//! It is the setting `ENCRYPTION_KEY`; without it, and with SQLite, a file beside the database that is made when it is first needed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::config::Config;

/// How what is sealed begins: another way of sealing would begin otherwise.
const VERSION: &str = "x1";
/// Bytes of a nonce: enough that random ones never meet.
const NONCE: usize = 24;

/// A key that encrypts.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey([u8; 32]);

impl std::fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncryptionKey({})", self.redacted())
    }
}

impl EncryptionKey {
    /// 32 bytes in hexadecimal or base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = hex::decode(text).or_else(|_| BASE64_STANDARD.decode(text)).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What tells this key from others, and nobody what it is.
    fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"tollkeeper encryption key").chain_update(self.0).finalize();
        hex::encode(&hash[..6])
    }

    /// As people may see it.
    #[must_use]
    pub fn redacted(&self) -> String {
        format!("key {}", self.id())
    }
}

/// Encrypts and decrypts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    keys: Arc<[EncryptionKey]>,
    file: Option<Arc<Path>>,
}

impl Vault {
    /// As the settings say.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let file = key_file(config.database_url.expose()).map(Into::into);
        Self { keys: config.encryption_keys.clone().into(), file }
    }

    /// Whether there is a key, or one can be made.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.keys.is_empty() || self.file.is_some()
    }

    /// Encrypts; only together with the same `about` can it be decrypted.
    ///
    /// # Errors
    /// When there is no key, its file cannot be read or made, or the system has no randomness to give.
    pub fn seal(&self, secret: &[u8], about: &str) -> anyhow::Result<String> {
        let key = self.sealing_key()?;
        let mut sealed = vec![0_u8; NONCE];
        getrandom::fill(&mut sealed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let payload = Payload { msg: secret, aad: about.as_bytes() };
        let nonce = XNonce::try_from(&sealed[..]).context("while making a nonce")?;
        let encrypted = XChaCha20Poly1305::new(&key.0.into()).encrypt(&nonce, payload);
        sealed.extend(encrypted.map_err(|_| anyhow::anyhow!("a secret could not be encrypted"))?);
        Ok(format!("{VERSION}.{}.{}", key.id(), BASE64_STANDARD.encode(sealed)))
    }

    /// Decrypts what was sealed about the same.
    ///
    /// # Errors
    /// When its key is not there, or it is not what was sealed.
    pub fn open(&self, sealed: &str, about: &str) -> anyhow::Result<Vec<u8>> {
        let (id, data) = parts(sealed).context("an encrypted secret has another form")?;
        let Some(key) = self.known()?.into_iter().find(|key| key.id() == id) else {
            bail!("the key {id}, which encrypts second factors, is not among ENCRYPTION_KEY or in the key file");
        };
        let bytes = BASE64_STANDARD.decode(data).context("an encrypted secret has another form")?;
        let (nonce, encrypted) = bytes.split_at_checked(NONCE).context("an encrypted secret is cut short")?;
        let nonce = XNonce::try_from(nonce).context("an encrypted secret has another form")?;
        let payload = Payload { msg: encrypted, aad: about.as_bytes() };
        let opened = XChaCha20Poly1305::new(&key.0.into()).decrypt(&nonce, payload);
        opened.map_err(|_| anyhow::anyhow!("an encrypted secret was changed, or belongs to somebody else"))
    }

    /// Whether something is sealed by the key that seals now.
    ///
    /// # Errors
    /// When there is no key.
    pub fn is_current(&self, sealed: &str) -> anyhow::Result<bool> {
        let key = self.sealing_key()?;
        Ok(parts(sealed).is_some_and(|(id, _)| id == key.id()))
    }

    fn sealing_key(&self) -> anyhow::Result<EncryptionKey> {
        match (self.keys.first(), &self.file) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(file)) => read_or_make(file),
            (None, None) => bail!("ENCRYPTION_KEY is not set"),
        }
    }

    /// Every key there is; whoever sets `ENCRYPTION_KEY` later goes on reading what the file's key encrypted.
    fn known(&self) -> anyhow::Result<Vec<EncryptionKey>> {
        let mut keys = self.keys.to_vec();
        if let Some(file) = &self.file {
            keys.extend(read(file)?);
        }
        Ok(keys)
    }
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

/// The file beside a SQLite database.
pub(crate) fn key_file(database_url: &str) -> Option<PathBuf> {
    let path = database_url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
    Some(PathBuf::from(format!("{path}.key")))
}

fn read(file: &Path) -> anyhow::Result<Option<EncryptionKey>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("while reading {}", file.display())),
    };
    let key = EncryptionKey::parse(&text);
    key.map(Some).with_context(|| format!("{} does not hold 32 bytes in hex or base64", file.display()))
}

/// Two who make it at once end up with the same key: a file is never seen half written, and never replaced.
fn read_or_make(file: &Path) -> anyhow::Result<EncryptionKey> {
    if let Some(key) = read(file)? {
        return Ok(key);
    }
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let making = || format!("while making {}", file.display());
    // For its owner alone from the beginning.
    let mut new = tempfile::NamedTempFile::new_in(directory).with_context(making)?;
    writeln!(new, "{}", super::setup::random_token()?).with_context(making)?;
    new.as_file().sync_all().with_context(making)?;
    match new.persist_noclobber(file) {
        Ok(_) => {
            tracing::info!(file = %file.display(), "a key that encrypts second factors was made; keep a copy beside your backups")
        }
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error).with_context(making),
    }
    read(file)?.with_context(|| format!("{} is gone again", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[u8], file: Option<&Path>) -> Vault {
        Vault { keys: keys.iter().map(|byte| EncryptionKey([*byte; 32])).collect(), file: file.map(Into::into) }
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_person_under_a_key_that_is_still_known() {
        let sealed = vault(&[1], None).seal(b"seed", "stf_1").unwrap();
        assert!(!sealed.contains("seed") && sealed != vault(&[1], None).seal(b"seed", "stf_1").unwrap());
        let rotated = vault(&[2, 1], None);
        assert_eq!(rotated.open(&sealed, "stf_1").unwrap(), b"seed");
        assert!(!rotated.is_current(&sealed).unwrap() && vault(&[1], None).is_current(&sealed).unwrap());
        assert!(rotated.open(&sealed, "stf_2").is_err());
        assert!(vault(&[2], None).open(&sealed, "stf_1").unwrap_err().to_string().contains("ENCRYPTION_KEY"));
        let cut = &sealed[..sealed.len() - 4];
        for wrong in [cut, "", "x1", "x1.", "x1.a.b", "x2.a.b"] {
            assert!(rotated.open(wrong, "stf_1").is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_32_bytes_and_never_shown() {
        let hex = "ab".repeat(32);
        let key = EncryptionKey::parse(&hex).unwrap();
        assert_eq!(EncryptionKey::parse(&BASE64_STANDARD.encode([0xab; 32])), Some(key.clone()));
        assert!(!format!("{key:?}").contains("abab"));
        for wrong in ["", "abc", &hex[2..], &"ab".repeat(33)] {
            assert_eq!(EncryptionKey::parse(wrong), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("t.db.key");
        let vault = vault(&[], Some(&file));
        assert!(vault.open("x1.a.b", "stf_1").is_err() && !file.exists());
        let sealed = std::thread::scope(|scope| {
            let made: Vec<_> = (0..4).map(|_| scope.spawn(|| vault.seal(b"seed", "stf_1").unwrap())).collect();
            made.into_iter().map(|made| made.join().unwrap()).collect::<Vec<_>>()
        });
        for sealed in sealed {
            assert_eq!(vault.open(&sealed, "stf_1").unwrap(), b"seed");
        }
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn postgres_has_no_file_beside_it() {
        assert_eq!(key_file("postgres://h/d"), None);
        assert_eq!(key_file("sqlite://data/t.db?mode=rwc"), Some("data/t.db.key".into()));
    }
}
