package proxy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/fairlead/message"
)

// sourceCount is a body source that counts.
type sourceCount struct{ held, calls int }

func (s *sourceCount) HoldRead(on bool) {
	s.calls++
	if on {
		s.held++
	} else {
		s.held--
	}
}

func TestReplay(t *testing.T) {
	const text = "0123456789"
	req := &message.Request{}
	req.SetBody(iotest.HalfReader(strings.NewReader(text)), message.Unknown)
	from := &sourceCount{}
	p := newReplay(req, 10, from)
	if p.begun() || p.whole() || !p.possible() {
		t.Error("a new one is not new")
	}
	first := p.again(req)
	b := make([]byte, 3)
	if n, err := io.ReadFull(first, b); err != nil || string(b[:n]) != "012" || !p.begun() || p.whole() {
		t.Fatalf("%q %v", b[:n], err)
	}
	p.HoldRead(true)
	p.HoldRead(false)
	second := p.again(req)
	if got, err := io.ReadAll(second); err != nil || string(got) != text || !p.whole() {
		t.Errorf("%q %v", got, err)
	}
	p.HoldRead(true)
	p.HoldRead(false)
	if from.held != 0 || from.calls != 2 {
		t.Errorf("%+v", from)
	}
	if got, err := io.ReadAll(p.again(req)); err != nil || string(got) != text {
		t.Errorf("third: %q %v", got, err)
	}
}

// TestReplayTooLong: what is not kept is sent once, to its end.
func TestReplayTooLong(t *testing.T) {
	req := &message.Request{}
	req.SetBody(strings.NewReader("0123456789"), message.Unknown)
	p := newReplay(req, 9, nil)
	if got, err := io.ReadAll(p.again(req)); err != nil || string(got) != "0123456789" {
		t.Errorf("%q %v", got, err)
	}
	if p.possible() || p.whole() || p.kept != nil {
		t.Error("it says that it can be sent again")
	}
	if _, err := io.ReadAll(p.again(req)); !errors.Is(err, errNotKept) {
		t.Errorf("got %v", err)
	}
}

// TestReplayTrailers: who sends the body has its trailers at its end.
func TestReplayTrailers(t *testing.T) {
	req := &message.Request{}
	body := io.MultiReader(strings.NewReader("x"), readerFunc(func([]byte) (int, error) {
		req.Trailer.Add("Sum", "1")
		return 0, io.EOF
	}))
	req.SetBody(body, message.Unknown)
	p := newReplay(req, 9, nil)
	for range 3 {
		own := &message.Request{}
		if got, err := io.ReadAll(p.again(own)); err != nil || string(got) != "x" || own.Trailer.Get("Sum") != "1" {
			t.Errorf("%q %v %v", got, err, own.Trailer)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestReplayArrived: a body that is here as a whole is taken as one.
func TestReplayArrived(t *testing.T) {
	req := &message.Request{}
	src := &keptBody{left: []byte("0123456789")}
	req.SetBody(src, 10)
	p := newReplay(req, 10, nil)
	if !p.whole() || !p.begun() || len(src.left) != 0 {
		t.Error("it was not taken")
	}
	for range 2 {
		b := p.again(req).(*keptBody)
		if data, all := b.Whole(); !all || b.Left() != 10 || !b.Ends(10) || !bytes.Equal(data, []byte("0123456789")) {
			t.Errorf("%q", data)
		}
		b.Consume(4)
		if data, err := b.Next(1); err != nil || string(data) != "456789" || b.Ends(0) {
			t.Errorf("%q %v", data, err)
		}
		if got, err := io.ReadAll(b); err != nil || string(got) != "456789" {
			t.Errorf("%q %v", got, err)
		}
		if _, err := b.Next(1); err != io.EOF {
			t.Errorf("got %v", err)
		}
	}
}
