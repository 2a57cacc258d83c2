package listen

import (
	"container/list"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/kit/sock"
)

// TestSlotsTakeTurns checks that who begins one handshake waits for one of the
// client that begins a hundred, and not for all of them.
func TestSlotsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		many, one := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
		deadline := time.Now().Add(time.Hour)
		if err := s.enter(many, deadline); err != nil {
			t.Fatal(err)
		}
		var order []string
		wait := func(name string, client netip.Prefix) {
			go func() {
				if err := s.enter(client, deadline); err != nil {
					t.Error(err)
				}
				order = append(order, name)
				s.leave()
			}()
			synctest.Wait()
		}
		for range 100 {
			wait("m", many)
		}
		wait("o", one)
		wait("o", one)
		s.leave()
		synctest.Wait()
		if got := strings.Join(order, ""); len(got) != 102 || got[:4] != "momo" {
			t.Errorf("the order is %s", got)
		}
		if s.taken != 0 || len(s.lines) != 0 || s.turns.Len() != 0 {
			t.Errorf("%d places taken, %d lines, %d turns are left", s.taken, len(s.lines), s.turns.Len())
		}
	})
}

// TestSlotsDeadline checks that nobody waits for longer than it may, and that
// nothing of it stays.
func TestSlotsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		client := netip.MustParsePrefix("192.0.2.1/32")
		if err := s.enter(client, time.Now()); err != nil {
			t.Fatal(err)
		}
		if s.enter(client, time.Now().Add(time.Second)) == nil {
			t.Error("two have the one place")
		}
		if len(s.lines) != 0 || s.turns.Len() != 0 {
			t.Error("who gave up still stands in the line")
		}
		s.leave()
		if err := s.enter(client, time.Now()); err != nil {
			t.Errorf("the place that is free: %v", err)
		}
	})
}

// TestHandshakesShare checks that a client with too many handshakes ends its own
// and not those of others, even if they are older.
func TestHandshakesShare(t *testing.T) {
	const most = 16
	s := &handshakes{most: most, clients: map[netip.Prefix]*list.List{}}
	begin := func(client string) *handshake {
		a, b := net.Pipe()
		t.Cleanup(func() { _, _ = a.Close(), b.Close() })
		h := &handshake{client: clientOf(netip.MustParseAddr(client)), conn: sock.Wrap(a, nil)}
		s.begin(h)
		return h
	}
	honest := begin("192.0.2.1")
	for range 10 * most {
		begin("192.0.2.66")
	}
	if honest.crowded {
		t.Error("the flood of one client ended the handshake of another")
	}
	for i := range 10 * most {
		begin(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())
	}
	if !honest.crowded {
		t.Error("the oldest holds its place for ever")
	}
	if n := s.list.Len(); n != most || len(s.clients) > most {
		t.Errorf("%d handshakes of %d clients, expected at most %d", n, len(s.clients), most)
	}
}
