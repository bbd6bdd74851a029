//! Tokens: what is accepted, and that nothing else is.
#![cfg(feature = "token")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_gate::token::{
    Claims, ClaimsError, KeyError, Keyring, MAX_LEN, MAX_NAME, Purchase, TokenError, User,
};
use proptest::prelude::*;

const SECRET: [u8; 32] = [7; 32];
const START: u64 = 1_800_000_000;

fn keys() -> Keyring {
    Keyring::new("now", &SECRET).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn purchase() -> Purchase {
    Purchase::new("ann", "sku:1", at(START)..at(START + 600)).unwrap()
}

fn verify<C: Claims>(token: &str, seconds: u64) -> Result<C, TokenError> {
    keys().verify(token, at(seconds))
}

#[test]
fn a_purchase_holds_within_its_window_only() {
    let token = keys().sign(&purchase());
    assert_eq!(verify(&token, START), Ok(purchase()));
    assert_eq!(verify(&token, START + 599), Ok(purchase()));
    let early: Result<Purchase, _> = verify(&token, START - 30);
    assert_eq!(early, Err(TokenError::NotYet { starts_in: Duration::from_secs(30) }));
    let late: Result<Purchase, _> = verify(&token, START + 601);
    assert_eq!(late, Err(TokenError::Expired { ago: Duration::from_secs(1) }));
    let ended: Result<Purchase, _> = verify(&token, START + 600);
    assert_eq!(ended, Err(TokenError::Expired { ago: Duration::ZERO }));
}

#[test]
fn one_kind_does_not_pass_for_the_other() {
    let user = keys().sign(&User::new("ann", at(START + 600)).unwrap());
    assert_eq!(verify::<User>(&user, START).unwrap().name(), "ann");
    assert_eq!(verify::<Purchase>(&user, START), Err(TokenError::OtherKind));
    assert_eq!(verify::<User>(&keys().sign(&purchase()), START), Err(TokenError::OtherKind));
}

#[test]
fn no_character_can_be_changed() {
    let token = keys().sign(&purchase());
    for (at, old) in token.char_indices() {
        for new in ['A', 'B', 'z', '0', '.', '_', '=', '\n'] {
            if new != old {
                let mut changed = token.clone();
                changed.replace_range(at..=at, new.encode_utf8(&mut [0; 4]));
                assert!(verify::<Purchase>(&changed, START).is_err(), "{changed}");
            }
        }
        assert!(verify::<Purchase>(&token[..at], START).is_err());
    }
    assert!(verify::<Purchase>(&format!("{token}A"), START).is_err());
    assert!(verify::<Purchase>(&format!("{token}="), START).is_err());
}

/// Base64 of a length with bits to spare has several texts for the same bytes. A text that is not the one that was signed
/// must not pass, or a token could be used under several names.
#[test]
fn a_signature_has_one_text() {
    let token = keys().sign(&purchase());
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let accepted = alphabet
        .chars()
        .filter(|&last| verify::<Purchase>(&format!("{}{last}", &token[..token.len() - 1]), START).is_ok());
    assert_eq!(accepted.count(), 1);
}

#[test]
fn keys_rotate_and_each_fault_has_its_name() {
    let old = keys().sign(&purchase());
    let next = Keyring::new("next", &[8; 32]).unwrap();
    assert_eq!(next.verify::<Purchase>(&old, at(START)), Err(TokenError::UnknownKey));
    let both = next.accept("now", &SECRET).unwrap();
    assert_eq!(both.verify(&old, at(START)), Ok(purchase()));
    let new = both.sign(&purchase());
    assert!(new.starts_with("next."));
    // The same name with another secret is a forgery.
    let other = Keyring::new("next", &[9; 32]).unwrap();
    assert_eq!(other.verify::<Purchase>(&new, at(START)), Err(TokenError::Forged));

    for (text, what) in [("", "signature"), ("abc", "signature"), ("a.b", "key")] {
        let Err(TokenError::Malformed { what: named }) = verify::<User>(text, START) else {
            panic!("{text}")
        };
        assert!(named.contains(what), "{named}");
    }
    assert!(matches!(verify::<User>(&"a".repeat(MAX_LEN + 1), START), Err(TokenError::Malformed { .. })));
}

#[test]
fn what_cannot_be_signed_is_refused_before() {
    assert_eq!(Keyring::new("", &SECRET).unwrap_err(), KeyError::Name { name: String::new() });
    assert_eq!(Keyring::new("a.b", &SECRET).unwrap_err(), KeyError::Name { name: "a.b".to_owned() });
    assert_eq!(Keyring::new("a", &[0; 31]).unwrap_err(), KeyError::Secret { len: 31 });
    assert_eq!(keys().accept("now", &SECRET).unwrap_err(), KeyError::Duplicate { name: "now".to_owned() });
    let long = "u".repeat(MAX_NAME + 1);
    assert_eq!(User::new(&long, at(START)), Err(ClaimsError::Name { len: MAX_NAME + 1 }));
    assert_eq!(Purchase::new("u", "", at(1)..at(2)), Err(ClaimsError::Name { len: 0 }));
    assert_eq!(Purchase::new("u", "i", at(2)..at(2)), Err(ClaimsError::Window));
}

#[test]
fn the_longest_names_fit() {
    assert_eq!(MAX_NAME, cache_gate::MAX_ID, "who has a token can buy");
    let longest = "u".repeat(MAX_NAME);
    let purchase = Purchase::new(&longest, &longest, at(START)..at(START + 1)).unwrap();
    let keys = Keyring::new(&"k".repeat(32), &SECRET).unwrap();
    let token = keys.sign(&purchase);
    assert!(token.len() <= MAX_LEN);
    assert_eq!(keys.verify(&token, at(START)), Ok(purchase));
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", keys()), "[\"now\"]");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // 32 characters have at most 128 bytes.
    #[test]
    fn all_that_is_signed_verifies(user in "\\PC{1,32}", item in "\\PC{1,32}", from in 0u64..1 << 40, life in 1u64..1 << 40) {
        let time = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let purchase = Purchase::new(&user, &item, time(from)..time(from + life)).unwrap();
        let token = keys().sign(&purchase);
        prop_assert_eq!(keys().verify(&token, time(from)), Ok(purchase.clone()));
        prop_assert_eq!(keys().verify(&token, time(from + life - 1)), Ok(purchase));
        prop_assert!(keys().verify::<Purchase>(&token, time(from + life)).is_err());
    }

    #[test]
    fn rubbish_never_verifies(text in "\\PC{0,300}") {
        prop_assert!(verify::<User>(&text, START).is_err());
        let (two, three) = (format!("now.{text}"), format!("now.{text}.{text}"));
        prop_assert!(verify::<User>(&two, START).is_err());
        prop_assert!(verify::<Purchase>(&three, START).is_err());
    }

    /// Well-formed in all but the signature.
    #[test]
    fn a_guess_never_verifies(claims in "[A-Za-z0-9_-]{0,700}", signature in "[A-Za-z0-9_-]{43}") {
        let token = format!("now.{claims}.{signature}");
        prop_assert!(verify::<User>(&token, START).is_err());
    }

    /// A parser must withstand whatever the holder of the secret has signed: an older version of itself, say.
    #[test]
    fn signed_rubbish_is_malformed_and_never_a_panic(claims in proptest::collection::vec(any::<u8>(), 0..600)) {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut token = format!("now.{}", BASE64.encode(&claims));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&SECRET).unwrap();
        mac.update(token.as_bytes());
        token = format!("{token}.{}", BASE64.encode(mac.finalize().into_bytes()));
        let result = verify::<User>(&token, START);
        prop_assert!(!matches!(result, Err(TokenError::Forged | TokenError::UnknownKey)), "{:?}", result);
    }
}
