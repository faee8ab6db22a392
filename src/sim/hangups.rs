//! How connections end, for one side or for both.

use crate::{
    base::ids::LinkId,
    sim::{
        net::{ConnId, End, Parcel, Phase, other},
        world::World,
    },
};

impl World {
    /// A node's endpoint has given up a connection.
    pub(super) fn drop_socket(&mut self, node: usize, link: LinkId) {
        let socket = self.nodes[node].life.as_mut().and_then(|life| life.sockets.remove(&link));
        let Some((conn, side)) = socket else { return };
        self.check_dropped(node, link);
        let Some(between) = &mut self.conns[conn] else { return };
        let end = &mut between.ends[side];
        // The operating system resets a connection that ends with unread bytes.
        let parcel = if end.unread() > 0 { Parcel::Reset } else { Parcel::Fin };
        end.phase = Phase::Gone;
        end.discard();
        if !between.pipes[side].closed {
            self.end_pipe(conn, side, parcel);
        }
        self.bury(conn);
    }

    /// A node has stopped in order: what its links still have to say goes out, and nobody reads any more.
    pub(super) fn close_sockets(&mut self, node: usize) {
        let Some(life) = &mut self.nodes[node].life else { return };
        let sockets = life.sockets.clone();
        sockets.keys().for_each(|link| life.endpoint.ready(*link));
        while let Some(link) = self.nodes[node].life.as_mut().and_then(|life| life.endpoint.next_turn()) {
            let (Some(life), Some((conn, side))) = (&mut self.nodes[node].life, sockets.get(&link)) else { continue };
            loop {
                let bytes: Vec<u8> = life.endpoint.transmit(link, usize::MAX).flatten().copied().collect();
                if bytes.is_empty() {
                    break;
                }
                life.endpoint.sent(link, bytes.len());
                if let Some(between) = &mut self.conns[*conn] {
                    let conditions = between.conditions(*side, self.conditions);
                    between.push(*side, self.now, Parcel::Bytes(bytes), &conditions, &mut self.net_rng);
                }
            }
        }
        for (conn, side) in sockets.into_values() {
            let Some(between) = &mut self.conns[conn] else { continue };
            between.ends[side].phase = Phase::Closing;
            if !between.pipes[side].closed {
                self.end_pipe(conn, side, Parcel::Fin);
            }
        }
    }

    /// Both sides lose the connection at once.
    pub(super) fn reset(&mut self, conn: ConnId) {
        let now = self.now;
        for side in [0, 1] {
            let Some(between) = &mut self.conns[conn] else { return };
            between.pipes[side].clear();
            let (node, link) = (between.ends[side].node, between.ends[side].link);
            match between.ends[side].phase {
                Phase::Live => {
                    if let Some(life) = &mut self.nodes[node].life {
                        life.endpoint.disconnected(now, link, "connection reset");
                    }
                }
                Phase::Connecting => self.end_pipe(conn, other(side), Parcel::Reset),
                Phase::Closing | Phase::Gone => between.ends[side].phase = Phase::Gone,
            }
            self.run_node(node);
        }
        self.bury(conn);
    }

    /// All connections of a node die with it. Nobody is told if the whole host vanished.
    pub(super) fn abandon(&mut self, node: usize, silent: bool) {
        let of_node = |end: &End| end.node == node && matches!(end.phase, Phase::Live | Phase::Connecting);
        for conn in 0..self.conns.len() {
            for side in [0, 1] {
                let Some(between) = &mut self.conns[conn] else { continue };
                if !of_node(&between.ends[side]) {
                    continue;
                }
                between.ends[side].phase = Phase::Gone;
                between.ends[side].discard();
                if !silent {
                    self.end_pipe(conn, side, Parcel::Reset);
                }
            }
        }
    }

    /// Forgets a connection of which nobody will hear again.
    pub(super) fn bury(&mut self, conn: ConnId) {
        if self.conns[conn].as_ref().is_some_and(|between| between.is_over()) {
            self.conns[conn] = None;
        }
    }
}
