//! The process around the proxy: certificates, the admin listener, the demo origin.
