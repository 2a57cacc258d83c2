package metrics

// Side says whose connections are meant.
type Side uint8

// The sides.
const (
	ClientSide Side = iota
	BackendSide
	sideCount
)

// ConnState is what a connection is doing.
type ConnState uint8

// The states of a connection. ConnClosed is also where a connection comes
// from.
const (
	ConnClosed ConnState = iota // not there, or not there any more
	ConnNew                     // made, no byte of a request yet
	ConnActive                  // an exchange is going on
	ConnIdle                    // kept for a further exchange
	connStateCount
)

var (
	sideNames  = [sideCount]string{"client", "backend"}
	stateNames = [connStateCount]string{"closed", "new", "active", "idle"}
	// connKeys are the keys of -enable-connection-metrics (spec 1.11).
	connKeys = [connStateCount]string{"lb-conn-closed", "lb-conn-new", "lb-conn-active", "lb-conn-idle"}
)

// connections are the gauges of open connections, and the counters of the
// changes on the client's side when they are asked for.
type connections struct {
	open    [sideCount][connStateCount]*series // without ConnClosed
	changes [connStateCount]*Counter
}

func (m *Metrics) makeConnections() {
	c := &m.conns
	for side := range sideCount {
		for state := ConnNew; state < connStateCount; state++ {
			c.open[side][state] = m.families.connections.newShared()
		}
	}
	if m.on.Connections {
		for state, key := range connKeys {
			c.changes[state] = m.Counter(key)
		}
	}
}

// ConnMoved reports that a connection went from one state to another: from
// ConnClosed when it was made, to ConnClosed when it ended.
func (m *Metrics) ConnMoved(side Side, from, to ConnState) {
	if m == nil {
		return
	}
	if from != ConnClosed {
		m.conns.open[side][from].add(^uint64(0))
	}
	if to != ConnClosed {
		m.conns.open[side][to].add(1)
	}
	if side == ClientSide {
		m.conns.changes[to].Inc()
	}
}
