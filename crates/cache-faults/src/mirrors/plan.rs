//! The faults and writes of one round, each with its time.

use std::fmt;

use redis_testkit::Fsync;

use crate::random::Random;

/// The subject's number in the seed of a round.
const MIRRORS: u64 = 3;
const CONTROLS: u64 = 4;

/// Where the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One server, behind a proxy. `None`: what it has is lost with it.
    Alone(Option<Fsync>),
    Cluster,
    Sentinel,
}

/// A round of mirrors.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) keys: usize,
    /// Whether it follows a change log, and not invalidations.
    pub(crate) stream: bool,
    /// Keys of some 900 bytes, which fill output buffers.
    pub(crate) wide: bool,
    /// Writes keep the server for a millisecond or two, and answers to PING come a while before what follows them.
    pub(crate) split: bool,
    /// In ms.
    pub(crate) heartbeat: u64,
    pub(crate) max_dirty: usize,
    /// Milliseconds after the start, in order.
    pub(crate) actions: Vec<(u64, Action)>,
    pub(crate) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    KillServer,
    StartServer,
    PauseServer,
    ResumeServer,
    KillClients,
    Cut,
    Stall,
    Unstall,
    Flush,
    /// Trims the log past all readers.
    Trim,
    MoveSlot(usize),
    FailOver,
    /// Stops writing, and compares all keys.
    Compare,
}

impl Plan {
    pub(crate) fn new(seed: u64, round: u64) -> Self {
        let mut random = Random::of_round(seed, MIRRORS, round);
        let random = &mut random;
        let kind = match random.within(0..=19) {
            0..2 => Kind::Cluster,
            2 => Kind::Sentinel,
            _ => Kind::Alone(random.pick(&[None, Some(Fsync::EverySec), Some(Fsync::Always)])),
        };
        let alone = matches!(kind, Kind::Alone(_));
        let stream = kind != Kind::Cluster && random.percent(40);
        let mut plan = Self {
            kind,
            stream,
            seed: random.next(),
            keys: random.pick(&[200, 1_000, 3_000]),
            wide: alone && random.percent(20),
            split: alone && !stream && random.percent(20),
            heartbeat: random.pick(&[2, 5, 10]),
            max_dirty: random.pick(&[1_000_000, 1_000_000, 100]),
            actions: Vec::new(),
            length: 0,
        };
        let mut at = 200;
        for _ in 0..random.within(4..=7) {
            at += random.within(50..=400);
            let pause = random.within(20..=600);
            let (first, rest) = match (kind, random.within(0..=9)) {
                (_, 0) => (Action::Compare, None),
                (_, 1..3) if stream => (Action::Trim, None),
                (Kind::Alone(_), 1..3) => (Action::KillServer, Some(Action::StartServer)),
                (Kind::Alone(_), 3..5) => (Action::PauseServer, Some(Action::ResumeServer)),
                (Kind::Alone(_), 5..7) => (Action::Stall, Some(Action::Unstall)),
                (Kind::Alone(_), 7) => (Action::Flush, None),
                (Kind::Alone(_), 8) => (Action::Cut, None),
                (Kind::Cluster, 1..6) => {
                    (Action::MoveSlot(random.within(0..=plan.keys as u64 - 1) as usize), None)
                }
                (Kind::Sentinel, 1..5)
                    if !plan.actions.iter().any(|(_, action)| *action == Action::FailOver) =>
                {
                    (Action::FailOver, None)
                }
                _ => (Action::KillClients, None),
            };
            plan.actions.push((at, first));
            if let Some(rest) = rest {
                // Long enough for the output buffer to be full.
                at += if plan.wide && first == Action::Stall { pause + 1_000 } else { pause };
                plan.actions.push((at, rest));
            }
        }
        plan.length = at + random.within(100..=500);
        plan
    }

    /// Nothing fails: the control is wrong by itself.
    pub(crate) fn of_control(seed: u64, round: u64, split: bool) -> Self {
        let mut random = Random::of_round(seed, CONTROLS, round);
        Self {
            kind: Kind::Alone(None),
            stream: false,
            seed: random.next(),
            keys: if split { 200 } else { 5_000 },
            wide: false,
            split,
            heartbeat: 2,
            max_dirty: 1_000_000,
            actions: Vec::new(),
            length: if split { 3_000 } else { 100 },
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Alone(None) => "one server, nothing persisted",
            Kind::Alone(Some(Fsync::Always)) => "one server, appendfsync always",
            Kind::Alone(Some(Fsync::EverySec)) => "one server, appendfsync everysec",
            Kind::Alone(Some(Fsync::No)) => "one server, appendfsync no",
            Kind::Cluster => "a cluster",
            Kind::Sentinel => "a Sentinel group",
        })?;
        let Self { keys, heartbeat, max_dirty, length, .. } = self;
        f.write_str(if self.stream { ", a change log" } else { ", invalidations" })?;
        let wide = if self.wide { " wide" } else { "" };
        let split = if self.split { ", slow writes and early PONGs" } else { "" };
        write!(
            f,
            ", {keys}{wide} keys{split}, heartbeat {heartbeat} ms, {max_dirty} dirty at most, {length} ms:"
        )?;
        for (at, action) in &self.actions {
            write!(f, " {at} {action};")?;
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::KillServer => f.write_str("kill the server"),
            Action::StartServer => f.write_str("start the server"),
            Action::PauseServer => f.write_str("pause the server"),
            Action::ResumeServer => f.write_str("resume the server"),
            Action::KillClients => f.write_str("kill all clients"),
            Action::Cut => f.write_str("cut the mirror off"),
            Action::Stall => f.write_str("stall the mirror's reader"),
            Action::Unstall => f.write_str("let it read"),
            Action::Flush => f.write_str("flush"),
            Action::Trim => f.write_str("trim the log"),
            Action::MoveSlot(key) => write!(f, "move the slot of key {key}"),
            Action::FailOver => f.write_str("fail over"),
            Action::Compare => f.write_str("compare"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed() {
        for round in 0..100 {
            let plan = Plan::new(1, round);
            assert_eq!(plan.to_string(), Plan::new(1, round).to_string());
            assert!(plan.actions.is_sorted_by_key(|(at, _)| *at));
            let count = |wanted| plan.actions.iter().filter(|(_, action)| *action == wanted).count();
            assert_eq!(count(Action::KillServer), count(Action::StartServer));
            assert_eq!(count(Action::Stall), count(Action::Unstall));
        }
    }
}
