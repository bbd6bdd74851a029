//! The commit of one batch, until it is known what became of it.

use tokio::time::{Instant, sleep};

use super::error::{CommitError, End};
use super::keeper::{Keeper, Pending};
use super::ledger::{Committed, Life};
use super::observe;
use super::order::Receipt;
use crate::{Error, Outcome};

/// Refusals that an operator can end, and that come before a script has written anything.
const WAITED_OUT: [&str; 2] = ["OOM", "MISCONF"];

/// Whether asking again cannot help. A script may have stopped halfway then.
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::Refused { code, .. } => !error.is_transient() && !WAITED_OUT.contains(&&**code),
        Error::NotPermitted { .. } | Error::UnexpectedReply { .. } => true,
        _ => false,
    }
}

/// Commits a batch and answers its buyers.
///
/// An attempt whose answer was lost may have been done. So the batch is asked about under the same number until the server
/// tells: it does it, or says what it did.
pub(super) async fn commit(keeper: &mut Keeper, orders: Vec<Pending>) {
    let began = Instant::now();
    let give_up = began + keeper.settings.patience;
    keeper.seq += 1;
    // Whether an attempt may have reached the server.
    let mut lost = false;
    let failure = loop {
        let sent = Instant::now();
        let batch = orders.iter().map(|pending| (&pending.order, pending.units));
        match keeper.ledger.commit(&keeper.id, keeper.seq, keeper.settings.ttl, batch).await {
            Ok(Committed::Done { outcome, entry, life }) => {
                if life == Life::Renewed {
                    keeper.is_live(sent);
                }
                keeper.backoff.reset();
                observe::committed(&outcome, began.elapsed());
                for (pending, outcome) in orders.into_iter().zip(outcome) {
                    let Pending { order, units, reply } = pending;
                    let answer = if outcome == b'+' {
                        Ok(Receipt { order, units, entry: entry.clone() })
                    } else {
                        keeper.local.give_back(units);
                        Err(CommitError::OverLimit)
                    };
                    // The buyer may have gone.
                    let _ = reply.send(answer);
                }
                if life == Life::Ended {
                    keeper.finish(End::Fenced);
                }
                return;
            }
            // The server knows the lease, and that this batch was not its last one.
            Ok(Committed::Fenced { last: 0.. }) => break CommitError::Ended(End::Fenced),
            // It knows nothing: it has forgotten the lease, or lost its data.
            Ok(Committed::Fenced { .. }) if lost => break CommitError::Unknown(End::Fenced),
            Ok(Committed::Fenced { .. }) => break CommitError::Ended(End::Fenced),
            Ok(Committed::Behind) if keeper.settings.new_number && lost => keeper.seq -= 1,
            Ok(Committed::Behind) => break CommitError::Ended(End::RolledBack),
            Ok(Committed::Old) => break CommitError::Unknown(End::RolledBack),
            Err(error) => {
                observe::failed(&keeper.id, "commit", &error);
                if is_final(&error) {
                    break CommitError::Unknown(End::Refused);
                }
                lost |= error.outcome() != Outcome::NotDone;
                if Instant::now() >= give_up {
                    break match lost {
                        true => CommitError::Unknown(End::Unanswered),
                        false => CommitError::Ended(End::Unanswered),
                    };
                }
                if lost && keeper.settings.new_number {
                    keeper.seq += 1;
                }
                sleep(keeper.backoff.next()).await;
            }
        }
    };
    observe::uncommitted(&keeper.id, orders.len(), failure);
    let (CommitError::Ended(end) | CommitError::Unknown(end)) = failure else { return };
    for pending in orders {
        let _ = pending.reply.send(Err(failure));
    }
    keeper.finish(end);
    if end == End::RolledBack {
        // What the server still has of it is nobody's. If this fails, it is reaped.
        let _ = keeper.ledger.close(&keeper.id).await;
    }
}
