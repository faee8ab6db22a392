//! Tests of the role.
