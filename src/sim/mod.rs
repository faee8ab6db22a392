//! The simulator: many nodes, virtual time, faults, one seed.
