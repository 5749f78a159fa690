//! Where the program listens: an address, a Unix socket, or a socket that whoever started it opened before.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::config::Listen;

/// A socket that listens.
pub enum Socket {
    /// At an address.
    Tcp(TcpListener),
    /// At a file of ours, or of whoever started us.
    #[cfg(unix)]
    Unix(UnixListener, Option<SocketFile>),
}

impl From<TcpListener> for Socket {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl Socket {
    /// Its address; none for a Unix socket.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(..) => None,
        }
    }
}

impl std::fmt::Display for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("an unknown address"),
            },
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                write!(f, "unix:{}", path.unwrap_or(Path::new("")).display())
            }
        }
    }
}

/// Opens a listener.
///
/// # Errors
/// Names the setting and the place.
pub async fn bind(setting: &str, place: &Listen) -> anyhow::Result<Socket> {
    let opened = match place {
        Listen::Tcp(address) => TcpListener::bind(address).await.map(Socket::Tcp),
        #[cfg(unix)]
        Listen::Unix(path) => bind_unix(path).await,
        #[cfg(not(unix))]
        Listen::Unix(_) => Err(std::io::ErrorKind::Unsupported.into()),
    };
    opened.with_context(|| format!("{setting}: cannot listen on {place}"))
}

/// Opens a Unix socket for us and our group; one that nobody listens to any more makes room.
#[cfg(unix)]
async fn bind_unix(path: &Path) -> std::io::Result<Socket> {
    use std::io::ErrorKind;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let is_socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
            let is_left_over = tokio::net::UnixStream::connect(path)
                .await
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
            if !(is_socket && is_left_over) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        opened => opened?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    let file = SocketFile::of(path)?;
    Ok(Socket::Unix(listener, Some(file)))
}

/// The file of a Unix socket, which goes with the listener: unless another program has put its own there by then.
#[cfg(unix)]
#[derive(Debug)]
pub struct SocketFile {
    path: std::path::PathBuf,
    id: (u64, u64),
}

#[cfg(unix)]
impl SocketFile {
    fn of(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), id: Self::id(path)? })
    }

    fn id(path: &Path) -> std::io::Result<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
    }
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if Self::id(&self.path).is_ok_and(|id| id == self.id)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket's file stays behind");
        }
    }
}

/// Sockets that whoever started the program opened for it, as systemd does: the first is for everything, a second for `/metrics`.
#[cfg(unix)]
pub struct Inherited(listenfd::ListenFd);

#[cfg(unix)]
impl Inherited {
    /// Takes them over. To be called before other threads begin: it clears the variables that speak of them.
    #[must_use]
    pub fn take() -> Self {
        Self(listenfd::ListenFd::from_env())
    }

    /// The one of this number, if it was given. Within the runtime.
    ///
    /// # Errors
    /// When it is no socket that listens.
    pub fn socket(&mut self, number: usize) -> anyhow::Result<Option<Socket>> {
        let wrong = || format!("LISTEN_FDS: socket {number} cannot be listened to");
        if let Ok(tcp) = self.0.take_tcp_listener(number) {
            let Some(listener) = tcp else { return Ok(None) };
            listener.set_nonblocking(true).with_context(wrong)?;
            return Ok(Some(Socket::Tcp(TcpListener::from_std(listener).with_context(wrong)?)));
        }
        let Some(listener) = self.0.take_unix_listener(number).with_context(wrong)? else { return Ok(None) };
        listener.set_nonblocking(true).with_context(wrong)?;
        Ok(Some(Socket::Unix(UnixListener::from_std(listener).with_context(wrong)?, None)))
    }
}

/// Elsewhere nobody opens sockets for others.
#[cfg(not(unix))]
pub struct Inherited;

#[cfg(not(unix))]
impl Inherited {
    /// None.
    #[must_use]
    pub const fn take() -> Self {
        Self
    }

    /// None.
    ///
    /// # Errors
    /// Never.
    pub fn socket(&mut self, _: usize) -> anyhow::Result<Option<Socket>> {
        Ok(None)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_socket_is_for_us_and_our_group_and_goes_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sock");
        let place = Listen::Unix(path.clone());
        let socket = bind("LISTEN", &place).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(socket.to_string(), place.to_string());
        let Err(taken) = bind("LISTEN", &place).await else { panic!("somebody listens there already") };
        assert!(format!("{taken:#}").starts_with("LISTEN: cannot listen on unix:"), "{taken:#}");
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_killed_program_left_behind_makes_room_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sock");
        let place = Listen::Unix(path.clone());
        // Dropped without its file's owner, as by kill -9.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let socket = bind("LISTEN", &place).await.unwrap();
        // Another program took the place meanwhile.
        std::fs::remove_file(&path).unwrap();
        let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists(), "it is not ours to remove");
        drop(other);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        assert!(bind("LISTEN", &place).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    }
}
