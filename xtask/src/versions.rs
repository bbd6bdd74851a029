//! The Rust versions that the manifests declare: which crates and features each must build.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh::{self, cargo};

/// A Rust release: its major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-']).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Returns the release of the default compiler.
    fn running() -> Result<Self> {
        let output = sh::capture(Command::new("rustc").arg("--version"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split_whitespace().nth(1).and_then(Self::parse);
        version.with_context(|| format!("rustc printed no version: {text:?}"))
    }

    /// Returns the argument with which rustup's `cargo` selects this release.
    fn toolchain(self) -> String {
        format!("+{self}")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The crates that one release must build, with their features.
#[derive(Debug, Default, PartialEq)]
struct Build {
    packages: Vec<String>,
    /// As cargo takes them: `package/feature`.
    features: Vec<String>,
}

/// The builds for all declared releases except the running one, which the other checks use.
#[derive(Debug)]
pub(crate) struct Declared {
    running: Version,
    builds: BTreeMap<Version, Build>,
}

impl Declared {
    /// Reads the manifests of the workspace.
    pub(crate) fn read() -> Result<Self> {
        let mut metadata = cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let output = sh::capture(&mut metadata)?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let running = Version::running()?;
        let mut builds = builds(&serde_json::from_slice(&output.stdout)?)?;
        builds.remove(&running);
        Ok(Self { running, builds })
    }

    /// Makes sure that the releases are installed: installs them, or fails with the name of a missing one.
    pub(crate) fn ensure(&self, install: bool) -> Result<()> {
        for (version, build) in &self.builds {
            if sh::works("cargo", &[&version.toolchain(), "--version"]) {
                continue;
            }
            if !install {
                bail!(
                    "Rust {version} is not installed, which these crates declare: {}\n\
                     To install it: rustup toolchain install --profile minimal {version}; or add --install",
                    build.packages.join(", ")
                );
            }
            let version = version.to_string();
            sh::run(Command::new("rustup").args(["toolchain", "install", "--profile", "minimal", &version]))?;
        }
        Ok(())
    }

    /// Builds the crates with the releases that they declare.
    pub(crate) fn check(&self) -> Result<()> {
        for (version, build) in &self.builds {
            let mut check = cargo([&version.toolchain(), "check", "--locked"]);
            for package in &build.packages {
                check.args(["-p", package]);
            }
            if !build.features.is_empty() {
                check.args(["--features", &build.features.join(",")]);
            }
            sh::run(&mut check)?;
        }
        println!("crates that declare Rust {} were built with it in the other steps", self.running);
        Ok(())
    }
}

/// Groups the crates of `cargo metadata` by release. A crate is built with the release that it declares, with every
/// feature whose dependencies declare no newer one; and again with each newer release that a feature needs.
fn builds(metadata: &Value) -> Result<BTreeMap<Version, Build>> {
    let members = Members::of(metadata)?;
    let mut builds = BTreeMap::<Version, Build>::new();
    for member in members.0.values() {
        let mut features = Vec::new();
        for feature in member.features.keys().map(String::as_str) {
            let needed = members.needed(member, feature)?;
            if feature == "default" && needed > member.declared {
                bail!(
                    "{} declares Rust {}, but its default features need {needed}",
                    member.name,
                    member.declared
                );
            }
            features.push((needed, format!("{}/{feature}", member.name)));
        }
        let mut versions: Vec<_> = features.iter().map(|(needed, _)| *needed).collect();
        versions.push(member.declared);
        versions.sort_unstable();
        versions.dedup();
        for version in versions {
            let build = builds.entry(version).or_default();
            build.packages.push(member.name.clone());
            let built = features.iter().filter(|(needed, _)| *needed <= version);
            build.features.extend(built.map(|(_, feature)| feature.clone()));
        }
    }
    Ok(builds)
}

/// The crates of the workspace, by name.
struct Members(BTreeMap<String, Member>);

struct Member {
    name: String,
    declared: Version,
    /// The features, each with what it enables.
    features: BTreeMap<String, Vec<String>>,
}

impl Members {
    fn of(metadata: &Value) -> Result<Self> {
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        let members = packages.iter().map(|package| {
            let member = Member::of(package)?;
            Ok((member.name.clone(), member))
        });
        members.collect::<Result<_>>().map(Self)
    }

    /// Returns the release that a feature of a member needs: the newest that is declared by the members that it
    /// enables.
    fn needed(&self, member: &Member, feature: &str) -> Result<Version> {
        let enables = member.features.get(feature);
        let enables = enables.with_context(|| format!("{} has no feature {feature:?}", member.name))?;
        let mut needed = member.declared;
        for enabled in enables {
            let version = if let Some(dependency) = enabled.strip_prefix("dep:") {
                self.0.get(dependency).map(|member| member.declared)
            } else if let Some((dependency, feature)) = enabled.split_once('/') {
                let dependency = self.0.get(dependency.trim_end_matches('?'));
                dependency.map(|member| self.needed(member, feature)).transpose()?
            } else {
                Some(self.needed(member, enabled)?)
            };
            // Cargo checks the releases that foreign crates need.
            needed = needed.max(version.unwrap_or(needed));
        }
        Ok(needed)
    }
}

impl Member {
    fn of(package: &Value) -> Result<Self> {
        let name = package["name"].as_str().context("a package has no name")?.to_owned();
        let declared = package["rust_version"].as_str().and_then(Version::parse);
        let declared = declared.with_context(|| format!("{name} declares no rust-version"))?;
        let features = serde_json::from_value(package["features"].clone())
            .with_context(|| format!("cannot read the features of {name}"))?;
        Ok(Self { name, declared, features })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, version: &str, features: Value) -> Value {
        json!({ "name": name, "rust_version": version, "features": features })
    }

    fn build(packages: &[&str], features: &[&str]) -> Build {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Build { packages: owned(packages), features: owned(features) }
    }

    #[test]
    fn a_feature_is_built_with_the_release_that_its_crate_needs() {
        let facade = json!({
            "default": ["small"],
            "small": ["dep:small"],
            "large": ["dep:large"],
            "all": ["small", "large"],
            "weak": ["large?/extra"],
            "foreign": ["dep:elsewhere", "small/id"],
        });
        let metadata = json!({ "packages": [
            package("facade", "1.85", facade),
            package("small", "1.85.0", json!({ "id": ["dep:elsewhere"] })),
            package("large", "1.95", json!({ "extra": [] })),
        ]});
        let builds = builds(&metadata).expect("the metadata is well formed");
        let old =
            build(&["facade", "small"], &["facade/default", "facade/foreign", "facade/small", "small/id"]);
        let features =
            ["all", "default", "foreign", "large", "small", "weak"].map(|name| format!("facade/{name}"));
        let mut features: Vec<_> = features.iter().map(String::as_str).collect();
        features.push("large/extra");
        let new = build(&["facade", "large"], &features);
        assert_eq!(builds.into_iter().collect::<Vec<_>>(), [(Version(1, 85), old), (Version(1, 95), new)]);
    }

    #[test]
    fn default_features_build_with_what_is_declared() {
        let metadata = json!({ "packages": [
            package("facade", "1.85", json!({ "default": ["dep:large"] })),
            package("large", "1.95", json!({})),
        ]});
        let error = builds(&metadata).expect_err("the default features need more").to_string();
        assert!(error.contains("facade declares Rust 1.85") && error.contains("1.95"), "{error}");
    }

    #[test]
    fn a_crate_without_a_version_is_refused() {
        let metadata = json!({ "packages": [{ "name": "bare", "rust_version": null, "features": {} }] });
        let error = builds(&metadata).expect_err("nothing is declared").to_string();
        assert!(error.contains("bare declares no rust-version"), "{error}");
    }

    #[test]
    fn the_default_path_of_this_workspace_declares_the_oldest_release() {
        let declared = Declared::read().expect("the manifests of this workspace");
        let oldest = declared.builds.first_key_value();
        let (version, build) = oldest.expect("the libraries declare an older release than the tools");
        for (package, feature) in [("hotcache", "hotcache/default"), ("cache-bucket", "hotcache/bucket")] {
            assert!(build.packages.iter().any(|built| built == package), "{version}: {build:?}");
            assert!(build.features.iter().any(|built| built == feature), "{version}: {build:?}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let parse = |text| Version::parse(text).expect("a version");
        assert!(parse("1.100") > parse("1.95.1"));
        assert_eq!(parse("1.85"), parse("1.85.0-nightly"));
        assert_eq!(Version::parse("nightly"), None);
    }
}
