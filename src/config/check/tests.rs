//! Tables of broken configurations.
