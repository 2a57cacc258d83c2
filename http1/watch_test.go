package http1

import (
	"testing"
	"testing/synctest"

	"fairlead.dev/fairlead/exchange"
)

// sweptLate is a Stream whose sweeper has taken what is to be called when the
// client is gone, and calls it late.
type sweptLate struct {
	*script
	fn func()
}

func (s *sweptLate) OnGone(fn func()) (taken bool) {
	if fn != nil {
		s.fn = fn
	}
	return fn == nil
}

// interrupted is an Upstream that knows whether it was.
type interrupted struct {
	exchange.Upstream
	yes bool
}

func (u *interrupted) Interrupt() { u.yes = true }

// Exchanges are used again: that a client hung up must not be told to the one who
// comes next.
func TestGoneIsNotToldToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sweptLate{script: scripted("")}
		x := &Exchange{conn: &conn{s: s}}
		first, second := &interrupted{}, &interrupted{}
		x.Pair(first)
		call := s.fn
		done := make(chan struct{})
		go func() {
			x.Unpair()
			x.endWatch()
			x.Pair(second)
			close(done)
		}()
		synctest.Wait()
		call()
		<-done
		if first.yes || second.yes {
			t.Errorf("interrupted: the first %v, the next %v", first.yes, second.yes)
		}
	})
}
