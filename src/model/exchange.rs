/// What one request and its answer take, wherever the time goes.
///
/// The default takes no time at all, over a connection that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Exchange {
    /// d: delay of one direction.
    pub one_way_s: f64,
    /// s: from the request's arrival at the server to the answer's departure, when there is something to say.
    pub service_s: f64,
    /// c: from an answer's arrival at the listener to the departure of its next request.
    pub client_s: f64,
    /// What a request has to do before it can leave.
    pub connection: Connection,
}

/// What a request has to do before it can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// Nothing: the connection is kept from request to request.
    #[default]
    Kept,
    /// Open a TCP connection: one round trip (RFC 9293, section 3.5).
    Tcp,
    /// Open a TCP connection and agree on TLS 1.3: two round trips (RFC 8446, section 2).
    TcpAndTls,
}

impl Exchange {
    /// h: from wanting to ask to the request's departure.
    pub fn set_up_s(&self) -> f64 {
        let round_trips = match self.connection {
            Connection::Kept => 0.0,
            Connection::Tcp => 1.0,
            Connection::TcpAndTls => 2.0,
        };
        round_trips * 2.0 * self.one_way_s
    }

    /// 2d + s + h: from wanting to ask to having an answer that was given at once.
    pub fn turnaround_s(&self) -> f64 {
        self.set_up_s() + 2.0 * self.one_way_s + self.service_s
    }

    /// G = s + 2d + c + h: the gap in which a listener that asks again at once has no request at the server, from the server's
    /// decision to answer to the arrival of the next request.
    pub fn gap_s(&self) -> f64 {
        self.turnaround_s() + self.client_s
    }

    /// s + d: from the server's look at the feed to the listener having what it saw. No transport is faster than that.
    pub fn answer_s(&self) -> f64 {
        self.service_s + self.one_way_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_costs_a_round_trip_and_tls_another() {
        let kept = Exchange {
            one_way_s: 0.05,
            ..Exchange::default()
        };
        let gap_s = |connection| Exchange { connection, ..kept }.gap_s();
        assert!((gap_s(Connection::Kept) - 0.1).abs() < 1e-12);
        assert!((gap_s(Connection::Tcp) - 0.2).abs() < 1e-12);
        assert!((gap_s(Connection::TcpAndTls) - 0.3).abs() < 1e-12);
    }
}
