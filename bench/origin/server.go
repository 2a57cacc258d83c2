package main

import (
	"net/netip"
	"syscall"
	"time"

	"fairlead.dev/fairlead/bench/sock"
)

// server holds every connection in a slice by descriptor number.
type server struct {
	poll      *sock.Poll
	listeners map[int]bool
	conns     []*conn
	replies   replies
	buf       []byte
}

func newServer() (*server, error) {
	poll, err := sock.NewPoll(256)
	if err != nil {
		return nil, err
	}
	return &server{
		poll: poll, listeners: map[int]bool{}, replies: newReplies(), buf: make([]byte, 64<<10),
	}, nil
}

// listen adds an address and returns the one that was bound.
func (s *server) listen(addr netip.AddrPort) (netip.AddrPort, error) {
	fd, err := sock.Listen(addr)
	if err != nil {
		return addr, err
	}
	s.listeners[fd] = true
	if err := s.poll.Add(fd, sock.In); err != nil {
		return addr, err
	}
	return sock.Addr(fd)
}

// run serves until stop is closed; a nil stop never ends.
func (s *server) run(stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			s.closeAll()
			return nil
		default:
		}
		events, err := s.poll.Wait(100 * time.Millisecond)
		if err != nil {
			return err
		}
		for i := range events {
			fd := int(events[i].Fd)
			if s.listeners[fd] {
				s.accept(fd)
			} else if c := s.conns[fd]; c != nil && !s.serve(fd, c) {
				s.drop(fd)
			}
		}
	}
}

func (s *server) accept(listener int) {
	for {
		fd, err := sock.Accept(listener)
		if err != nil {
			return // nothing left, or out of descriptors: the next round tries again
		}
		if s.poll.Add(fd, sock.In) != nil {
			sock.Close(fd)
			continue
		}
		for len(s.conns) <= fd {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{}
	}
}

// serve moves one connection on and says whether it stays open.
func (s *server) serve(fd int, c *conn) bool {
	if c.writing() {
		return s.flush(fd, c)
	}
	n, err := sock.Read(fd, s.buf)
	if err == sock.ErrAgain {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	c.feed(s.buf[:n], &s.replies)
	return s.flush(fd, c)
}

// flush writes until the socket is full or every queued reply is out.
func (s *server) flush(fd int, c *conn) bool {
	for c.writing() {
		n, err := sock.Write(fd, c.next(s.replies.block))
		if err == sock.ErrAgain {
			return s.watch(fd, c, syscall.EPOLLOUT)
		}
		if err != nil {
			return false
		}
		c.wrote(n, &s.replies)
	}
	return !c.last && s.watch(fd, c, sock.In)
}

func (s *server) watch(fd int, c *conn, bits uint32) bool {
	if c.watched == bits || c.watched == 0 && bits == sock.In {
		return true
	}
	c.watched = bits
	return s.poll.Change(fd, bits) == nil
}

func (s *server) drop(fd int) {
	s.conns[fd] = nil
	sock.Close(fd)
}

func (s *server) closeAll() {
	for fd := range s.listeners {
		sock.Close(fd)
	}
	for fd, c := range s.conns {
		if c != nil {
			s.drop(fd)
		}
	}
}
