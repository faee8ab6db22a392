//! The mio poll loop and its sockets.
