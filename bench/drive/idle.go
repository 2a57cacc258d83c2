package drive

import (
	"fmt"
	"time"
)

// idle opens every connection with one request each, holds them, and uses
// every one once more. Report.Requests counts both rounds.
func (l *loop) idle() (*Report, error) {
	meter, err := startMeter(l.plan.PID)
	if err != nil {
		return nil, err
	}
	begin := l.now()
	if err := l.openAll(); err != nil {
		return nil, err
	}
	if l.plan.Ready != nil {
		l.plan.Ready(l.opened())
	}
	if err := l.hold(); err != nil {
		return nil, err
	}
	if err := l.useAgain(); err != nil {
		return nil, err
	}
	return l.report(begin, meter)
}

func (l *loop) openAll() error {
	for l.dialled < l.plan.Clients || l.busy > 0 {
		for l.dialled < l.plan.Clients && l.busy < opening {
			if err := l.open(); err != nil {
				return err
			}
		}
		if err := l.turn(longestWait); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) hold() error {
	end := l.now() + int64(l.plan.Duration)
	for l.plan.Duration == 0 || l.now() < end {
		select {
		case <-l.plan.Release:
			return nil
		default:
		}
		if err := l.turn(longestWait); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) useAgain() error {
	clients := append([]*client(nil), l.clients...)
	for _, c := range clients {
		if c == nil || l.clients[c.fd] != c {
			continue
		}
		if err := l.begin(c, l.now()); err != nil {
			return err
		}
		for l.busy >= opening {
			if err := l.turn(longestWait); err != nil {
				return err
			}
		}
	}
	end := l.now() + int64(l.plan.Timeout) + int64(time.Second)
	for l.busy > 0 {
		if l.now() > end {
			return fmt.Errorf("%d exchanges did not end", l.busy)
		}
		if err := l.turn(longestWait); err != nil {
			return err
		}
	}
	return nil
}

// opened counts the connections that stand.
func (l *loop) opened() int {
	n := 0
	for _, c := range l.clients {
		if c != nil {
			n++
		}
	}
	return n
}
