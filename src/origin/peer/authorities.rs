//! An origin's own certificate authorities, in the forms that those want who verify with them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pingora::protocols::tls::CaType;
use pingora::utils::tls::{WrappedX509, parse_x509};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// A configured list, and what was made of it.
type Made = (Weak<[Vec<u8>]>, Arc<CaType>);

/// Each connection attempt asks, so each list is made once.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

/// As pingora's options have them. The certificates were read once before, by the configuration.
pub(super) fn for_pingora(authorities: &Arc<[Vec<u8>]>) -> Arc<CaType> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_this =
        |list: &Weak<_>| list.upgrade().is_some_and(|list| Arc::ptr_eq(&list, authorities));
    if let Some((_, found)) = made.iter().find(|(list, _)| is_this(list)) {
        return Arc::clone(found);
    }
    // Lists of former configurations go when a new one comes.
    made.retain(|(list, _)| list.strong_count() > 0);
    let wrapped = authorities.iter().map(|one| WrappedX509::new(one.clone(), parse_x509));
    let wrapped: Arc<CaType> = wrapped.collect();
    made.push((Arc::downgrade(authorities), Arc::clone(&wrapped)));
    wrapped
}

/// As rustls verifies with them.
///
/// # Errors
/// When one of them is no certificate.
pub(super) fn for_rustls(authorities: &[Vec<u8>]) -> Result<Arc<RootCertStore>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for one in authorities {
        roots.add(CertificateDer::from(one.as_slice()))?;
    }
    Ok(Arc::new(roots))
}
