//! A stand-in for what is behind a shop: takes orders from the books, and says that they are fulfilled.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::app::App;
use crate::books::Books;

/// Orders that are claimed at once, and for how long.
const CLAIMED: usize = 500;
const CLAIM: Duration = Duration::from_secs(60);

/// The wait if there are none.
const PAUSE: Duration = Duration::from_millis(500);

/// Works until the service stops.
pub(crate) async fn work(app: Arc<App>) {
    let mut number = 0;
    while !app.is_stopping() {
        match round(&app, &mut number).await {
            Ok(CLAIMED) => {}
            Ok(_) => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                eprintln!("fulfilment: {error:#}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn round(app: &App, number: &mut u64) -> Result<usize> {
    // Workers of orders on Redis are consumers of its streams, in processes of their own.
    let Books::Journal(books) = app.desk.books() else { return Ok(0) };
    let claims = books.claim(CLAIMED, CLAIM).await?;
    let fail_each = app.config.orders.fail_each;
    for claim in &claims {
        *number += 1;
        if fail_each > 0 && number.is_multiple_of(fail_each) {
            books.fail(claim, "the warehouse is on fire").await?;
        } else {
            books.fulfil(claim).await?;
        }
    }
    Ok(claims.len())
}
