use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow, bail};
use cache_gate::token::{Keyring, TokenError, User};
use serde::Deserialize;

use crate::specs::check_id;

/// The keys that sign the tokens of users and of administrators. An administrator's token is no user's, and the other way round.
#[derive(Clone, Debug)]
pub struct Keys {
    users: Keyring,
    administrators: Keyring,
}

const SECRET_BYTES: usize = 32;

const HEAD: &str = "# Whoever can read this can make tokens of every user and administrator. The first key of each kind signs,\n\
                    # all verify. To rotate, put a new one first, and remove the old one when its last token has expired.\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    users: Vec<Secret>,
    administrators: Vec<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    name: String,
    secret: String,
}

impl Keys {
    /// Reads the keys in a file. The first call makes them.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or is not as it should be.
    pub fn open(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(path).with_context(|| format!("cannot create {}", path.display()))?
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Self::parse(&text).with_context(|| format!("invalid keys in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        // The parser's own message shows the line, which may be a secret.
        let file: File = toml::from_str(text).map_err(|error| anyhow!("{}", error.message()))?;
        Ok(Self { users: keyring(&file.users)?, administrators: keyring(&file.administrators)? })
    }

    /// Makes the token of a user.
    ///
    /// # Errors
    ///
    /// If the name is not allowed.
    pub fn user(&self, name: &str, until: SystemTime) -> Result<String> {
        check_id("user", name).map_err(|error| anyhow!(error))?;
        Ok(self.users.sign(&User::new(name, until)?))
    }

    /// Makes the token of an administrator.
    ///
    /// # Errors
    ///
    /// If the name is not allowed.
    pub fn administrator(&self, name: &str, until: SystemTime) -> Result<String> {
        check_id("administrator", name).map_err(|error| anyhow!(error))?;
        Ok(self.administrators.sign(&User::new(name, until)?))
    }

    pub(crate) fn verify_user(&self, token: &str) -> Result<User, TokenError> {
        self.users.verify(token, SystemTime::now())
    }

    pub(crate) fn verify_administrator(&self, token: &str) -> Result<User, TokenError> {
        self.administrators.verify(token, SystemTime::now())
    }
}

fn keyring(secrets: &[Secret]) -> Result<Keyring> {
    let [first, others @ ..] = secrets else { bail!("there is no key: at least one is needed") };
    let mut keys = Keyring::new(&first.name, &from_hex(&first.secret)?)?;
    for other in others {
        keys = keys.accept(&other.name, &from_hex(&other.secret)?)?;
    }
    Ok(keys)
}

fn create(path: &Path) -> Result<String> {
    let mut text = HEAD.to_owned();
    for kind in ["users", "administrators"] {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| anyhow!("no random bytes: {error}"))?;
        let hex = secret.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = write!(text, "\n[[{kind}]]\nname = \"first\"\nsecret = \"{hex}\"\n");
    }
    // Two processes may start at once: the name appears with everything in it, and only once.
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(fs::read_to_string(path)?),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(text),
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    match digits {
        Some(digits) if digits.len().is_multiple_of(2) => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => bail!("a secret is not hexadecimal"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn keys(users: &str, administrators: &str) -> Result<Keys> {
        let key = |kind, secret: &str| format!("[[{kind}]]\nname = 'k'\nsecret = '{secret}'\n");
        Keys::parse(&(key("users", users) + &key("administrators", administrators)))
    }

    #[test]
    fn a_user_is_no_administrator() {
        let keys = keys(&"11".repeat(32), &"22".repeat(32)).unwrap();
        let until = SystemTime::now() + Duration::from_secs(60);
        let (user, administrator) =
            (keys.user("ann", until).unwrap(), keys.administrator("ann", until).unwrap());
        assert_eq!(keys.verify_user(&user).unwrap().name(), "ann");
        assert!(keys.verify_administrator(&administrator).is_ok());
        assert!(keys.verify_user(&administrator).is_err());
        assert!(keys.verify_administrator(&user).is_err());
    }

    #[test]
    fn a_wrong_secret_is_not_shown() {
        for secret in ["11", &"zz".repeat(32), &"1".repeat(63)] {
            let error = format!("{:#}", keys(secret, &"22".repeat(32)).unwrap_err());
            assert!(!error.contains(secret), "{error}");
        }
    }
}
