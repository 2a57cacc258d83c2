package http2

import "time"

// A client can make us work with little of its own: by asking for what needs an
// answer, by frames that carry nothing, by streams it gives up at once or makes
// us give up. Each costs points of a budget that fills with time and with
// useful work; who has none left is disconnected (RFC 9113 10.5).
type flood struct {
	chatter budget // frames that carry nothing
	resets  budget // streams that ended without a response
	// owed is how many bytes of window the client may give back for the DATA it was
	// sent, without paying: a client that has let megabytes wait returns them in
	// thousands of frames, long after we earned anything with them.
	owed int64
}

// leastReturned is the smallest window update that is free: less is no way to read.
const leastReturned = 1 << 10

// sent takes note of DATA: its bytes come back twice, for the stream and for the
// connection.
func (f *flood) sent(n int) { f.owed += 2 * int64(n) }

// returned reports whether a window update gives back what was sent.
func (f *flood) returned(n uint32) bool {
	if n < leastReturned || int64(n) > f.owed {
		return false
	}
	f.owed -= int64(n)
	return true
}

// budget is a number of points that fills with time.
type budget struct {
	points, most int
	rate         int // points a second
}

func (f *flood) begin() {
	f.chatter = budget{points: 4000, most: 4000, rate: 400}
	f.resets = budget{points: 400, most: 400, rate: 50}
}

// spend takes n points; false when there are not so many.
func (b *budget) spend(n int) bool {
	b.points -= n
	return b.points >= 0
}

// earn gives n points.
func (b *budget) earn(n int) { b.points = min(b.points+n, b.most) }

// pass lets time go by.
func (f *flood) pass(d time.Duration) {
	for _, b := range [...]*budget{&f.chatter, &f.resets} {
		b.earn(int(int64(b.rate) * int64(d) / int64(time.Second)))
	}
}

// What useful work earns: a client that gets its responses may send so many
// window updates, pings and the like with them, and may give up every second
// request.
const (
	earnRequest  = 8 // chatter, for a request
	earnData     = 4 // chatter, for a DATA frame that carries something, both ways
	earnResponse = 1 // resets, for a response
)

// chat pays for a frame that carries nothing; n says what it costs.
func (c *conn) chat(n int, what string) error {
	if c.flood.chatter.spend(n) {
		return nil
	}
	return connError(CodeEnhanceYourCalm, "too many frames without a use, the last was %s", what)
}

// gaveUp pays for a stream that ended without a response.
func (c *conn) gaveUp(what string) error {
	if c.flood.resets.spend(1) {
		return nil
	}
	return connError(CodeEnhanceYourCalm, "too many streams without a response, the last was %s", what)
}
