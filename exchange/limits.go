package exchange

// Limits bound the head of a message.
type Limits struct {
	HeadBytes int // request or status line and fields; default 1 MiB
	LineBytes int // request target; default 64 KiB
	Fields    int // number of header fields; default 500
}

// OrDefault returns l with defaults in place of what is not positive.
func (l Limits) OrDefault() Limits {
	if l.HeadBytes <= 0 {
		l.HeadBytes = 1 << 20
	}
	if l.LineBytes <= 0 {
		l.LineBytes = 64 << 10
	}
	if l.Fields <= 0 {
		l.Fields = 500
	}
	return l
}

// ConnState is what a client connection is doing.
type ConnState uint8

// The states of a connection: it begins and ends as ConnClosed.
const (
	ConnClosed ConnState = iota
	ConnNew              // no byte of a request yet
	ConnActive           // an exchange is going on
	ConnIdle             // between two exchanges
)
