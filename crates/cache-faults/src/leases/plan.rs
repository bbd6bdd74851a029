//! The faults and sales of one round, each with its time.

use std::fmt;

use redis_testkit::Fsync;

use super::{GRACE, TTL};
use crate::random::Random;

/// The subject's number in the seed of a round.
const LEASES: u64 = 1;
const LOST_ANSWERS: u64 = 2;

/// A round of leases.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// `None`: what the server has is lost with it.
    pub(crate) persistence: Option<Fsync>,
    pub(crate) nodes: usize,
    pub(crate) units: u64,
    pub(crate) users: u64,
    /// Units for each user; 0 is no limit.
    pub(crate) limit: u32,
    /// The longest pause of a buyer between two orders, in ms.
    pub(crate) pace: u64,
    pub(crate) batch: u64,
    /// Of each node, whether it is killed at the end, rather than asked to close.
    pub(crate) killed_at_end: Vec<bool>,
    /// Milliseconds after the start, in order.
    pub(crate) actions: Vec<(u64, Action)>,
    pub(crate) length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    KillNode(usize),
    StartNode(usize),
    PauseNode(usize),
    ResumeNode(usize),
    LoseAnswer(usize),
    CutNode(usize),
    KillServer,
    StartServer,
    PauseServer,
    ResumeServer,
    KillClients,
}

impl Plan {
    pub(crate) fn new(seed: u64, round: u64) -> Self {
        let mut random = Random::of_round(seed, LEASES, round);
        let random = &mut random;
        let nodes = random.within(2..=4) as usize;
        let mut plan = Self::quiet(random, nodes);
        // When the server, then each node, is as it should be again.
        let mut free = vec![100; nodes + 1];
        for _ in 0..random.within(4..=8) {
            // Half of the faults are what leases are for: nodes that crash.
            let target =
                if random.percent(75) { 1 + random.within(0..=nodes as u64 - 1) as usize } else { 0 };
            let at = free[target] + random.within(0..=400);
            // Longer than a lease lives, or shorter.
            let lease = (TTL + GRACE).as_millis() as u64;
            let pause =
                if random.percent(60) { lease + random.within(50..=300) } else { random.within(10..=200) };
            let (first, rest) = match (target, random.within(0..=9)) {
                (0, 0..4) => (Action::KillServer, Some((random.within(0..=600), Action::StartServer))),
                (0, 4..8) => (Action::PauseServer, Some((pause, Action::ResumeServer))),
                (0, _) => (Action::KillClients, None),
                (node, 0..6) => {
                    (Action::KillNode(node - 1), Some((random.within(0..=500), Action::StartNode(node - 1))))
                }
                (node, 6..8) => (Action::PauseNode(node - 1), Some((pause, Action::ResumeNode(node - 1)))),
                (node, 8) => (Action::LoseAnswer(node - 1), None),
                (node, _) => (Action::CutNode(node - 1), None),
            };
            plan.actions.push((at, first));
            free[target] = at + 50;
            if let Some((after, action)) = rest {
                plan.actions.push((at + after, action));
                free[target] = at + after + 100;
            }
        }
        plan.actions.sort_by_key(|(at, _)| *at);
        plan.length = plan.actions.last().map_or(0, |(at, _)| *at) + random.within(50..=400);
        if plan.actions.iter().any(|(_, action)| *action == Action::KillServer) {
            let all =
                [Some(Fsync::Always), Some(Fsync::Always), Some(Fsync::Always), Some(Fsync::EverySec), None];
            plan.persistence = random.pick(&all);
        }
        plan
    }

    /// Nothing but lost answers, for the control.
    pub(crate) fn of_lost_answers(seed: u64, round: u64) -> Self {
        let mut random = Random::of_round(seed, LOST_ANSWERS, round);
        let nodes = 2;
        let mut plan = Self::quiet(&mut random, nodes);
        (plan.units, plan.limit, plan.pace) = (50_000, 0, 1);
        plan.actions =
            (3..20).map(|at| (at * 50, Action::LoseAnswer((at % nodes as u64) as usize))).collect();
        plan.length = 1_100;
        plan
    }

    fn quiet(random: &mut Random, nodes: usize) -> Self {
        Self {
            persistence: None,
            nodes,
            units: random.pick(&[300, 3_000, 30_000]),
            users: random.pick(&[20, 500, 5_000]),
            limit: random.pick(&[0, 3, 20]),
            pace: random.pick(&[0, 2, 10]),
            batch: random.pick(&[5, 30, 100]),
            killed_at_end: (0..nodes).map(|_| random.percent(50)).collect(),
            actions: Vec::new(),
            length: 0,
        }
    }

    /// Whether what was acknowledged may be lost by design.
    pub(crate) fn may_lose(&self) -> bool {
        let dies = self.actions.iter().any(|(_, action)| *action == Action::KillServer);
        dies && self.persistence != Some(Fsync::Always)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, units, users, limit, pace, batch, length, .. } = self;
        let persistence = match self.persistence {
            None => "nothing persisted",
            Some(Fsync::Always) => "appendfsync always",
            Some(Fsync::EverySec) => "appendfsync everysec",
            Some(Fsync::No) => "appendfsync no",
        };
        write!(
            f,
            "{persistence}, {nodes} nodes, {units} units, {users} users, limit {limit}, pace {pace} ms, batches of {batch}, \
             {length} ms:"
        )?;
        for (at, action) in &self.actions {
            write!(f, " {at} {action};")?;
        }
        let killed: Vec<_> = (0..*nodes).filter(|node| self.killed_at_end[*node]).collect();
        write!(f, " at the end kill nodes {killed:?}")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::KillNode(node) => write!(f, "kill node {node}"),
            Action::StartNode(node) => write!(f, "start node {node}"),
            Action::PauseNode(node) => write!(f, "pause node {node}"),
            Action::ResumeNode(node) => write!(f, "resume node {node}"),
            Action::LoseAnswer(node) => write!(f, "lose an answer to node {node}"),
            Action::CutNode(node) => write!(f, "cut node {node} off"),
            Action::KillServer => f.write_str("kill the server"),
            Action::StartServer => f.write_str("start the server"),
            Action::PauseServer => f.write_str("pause the server"),
            Action::ResumeServer => f.write_str("resume the server"),
            Action::KillClients => f.write_str("kill all clients"),
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
            assert_eq!(count(Action::KillNode(0)), count(Action::StartNode(0)));
        }
        assert_ne!(Plan::new(1, 0).to_string(), Plan::new(2, 0).to_string());
    }
}
