package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"fairlead.dev/fairlead/kit/sock"
)

// The environment variables with which a process hands over its sockets: our
// own, and those of socket activation (sd_listen_fds(3)).
const (
	envSockets    = "FAIRLEAD_LISTENERS"
	envSystemdPID = "LISTEN_PID"
	envSystemd    = "LISTEN_FDS"
)

// FirstFD is the first descriptor behind standard error: the sockets of a new
// process begin there.
const FirstFD = 3

// Set opens the sockets that a process listens on, or takes them over from who
// started it, and can hand them over to the next one: whoever connects meanwhile
// waits in their queue and is not refused.
type Set struct {
	mu        sync.Mutex
	inherited []*inherited
	open      []*opened
}

// inherited is a socket that nobody asked for yet.
type inherited struct {
	network, address string // as they were asked for; empty when that is not known
	bound            netip.AddrPort
	file             *os.File
}

// opened is a socket in use.
type opened struct {
	network, address string
	socket           syscall.Conn
}

// NewSet takes over what the environment names. A descriptor that is no
// listening socket is an error: the process would listen at half of its
// addresses.
func NewSet(lookupEnv func(string) (string, bool)) (*Set, error) {
	s := &Set{}
	if text, ok := lookupEnv(envSockets); ok && text != "" {
		for _, part := range strings.Split(text, ",") {
			if err := s.takeOver(part); err != nil {
				s.Close()
				return nil, fmt.Errorf("take over sockets from %s: %w", envSockets, err)
			}
		}
		return s, nil
	}
	if pid, _ := lookupEnv(envSystemdPID); pid != strconv.Itoa(os.Getpid()) {
		return s, nil
	}
	text, _ := lookupEnv(envSystemd)
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1000 {
		return nil, fmt.Errorf("take over sockets from %s: found %q, expected a number", envSystemd, text)
	}
	for fd := FirstFD; fd < FirstFD+n; fd++ {
		if err := s.takeFD(fd, "", ""); err != nil {
			s.Close()
			return nil, fmt.Errorf("take over sockets from %s: %w", envSystemd, err)
		}
	}
	return s, nil
}

// takeOver reads one part of our own variable: 3=tcp@:9090.
func (s *Set) takeOver(part string) error {
	number, what, ok := strings.Cut(part, "=")
	network, address, ok2 := strings.Cut(what, "@")
	fd, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil || fd < FirstFD {
		return fmt.Errorf("found %q, expected descriptor=network@address", part)
	}
	return s.takeFD(fd, network, address)
}

func (s *Set) takeFD(fd int, network, address string) error {
	bound, err := boundTo(fd)
	if err != nil {
		return fmt.Errorf("descriptor %d: %w", fd, err)
	}
	syscall.CloseOnExec(fd)
	s.inherited = append(s.inherited, &inherited{
		network: network, address: address, bound: bound, file: os.NewFile(uintptr(fd), "listener "+address),
	})
	return nil
}

// boundTo returns the address of a socket.
func boundTo(fd int) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("look at its address: %w", os.NewSyscallError("getsockname", err))
	}
	switch a := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)), nil
	}
	return netip.AddrPort{}, errors.New("it is no socket of TCP or UDP")
}

// Listen listens on address, with a socket that was handed over if there is one
// for it. The error names the address.
func (s *Set) Listen(ctx context.Context, address string) (net.Listener, error) {
	if f := s.inheritedFor("tcp", address); f != nil {
		ln, err := net.FileListener(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("listen on %q with the socket that was handed over: %w", address, err)
		}
		s.remember("tcp", address, ln)
		return ln, nil
	}
	lc := net.ListenConfig{KeepAlive: -1, Control: sock.KeepAlive}
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	s.remember("tcp", address, ln)
	return ln, nil
}

// ListenPacket is Listen for UDP.
func (s *Set) ListenPacket(ctx context.Context, address string) (*net.UDPConn, error) {
	if f := s.inheritedFor("udp", address); f != nil {
		pc, err := net.FilePacketConn(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("listen on %q with the socket that was handed over: %w", address, err)
		}
		return s.packets(address, pc)
	}
	lc := net.ListenConfig{Control: sock.ShareAddress}
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q (UDP): %w", address, err)
	}
	return s.packets(address, pc)
}

func (s *Set) packets(address string, pc net.PacketConn) (*net.UDPConn, error) {
	c, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen on %q (UDP): found a socket of another kind", address), pc.Close())
	}
	s.remember("udp", address, c)
	return c, nil
}

func (s *Set) remember(network, address string, socket any) {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, &opened{network, address, sc})
}

// inheritedFor takes the socket for an address out of those that were handed
// over: the one that was asked for in the same words, or one that is bound to
// the same address and port.
func (s *Set) inheritedFor(network, address string) *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, same := range []func(*inherited) bool{
		func(i *inherited) bool { return i.network == network && i.address == address },
		func(i *inherited) bool {
			return (i.network == "" || i.network == network) && sameAddress(i.bound, address)
		},
	} {
		for at, i := range s.inherited {
			if same(i) {
				s.inherited = append(s.inherited[:at], s.inherited[at+1:]...)
				return i.file
			}
		}
	}
	return nil
}

// sameAddress reports whether a socket that is bound to b is what address asks
// for. Names are not looked up.
func sameAddress(b netip.AddrPort, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" || port != strconv.Itoa(int(b.Port())) {
		return false
	}
	if host == "" {
		return b.Addr().IsUnspecified()
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == b.Addr()
}

// CloseUnused closes what was handed over and nobody asked for, and returns
// where it listened: the configuration names other addresses now.
func (s *Set) CloseUnused() (addresses []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.inherited {
		addresses = append(addresses, i.bound.String())
		_ = i.file.Close()
	}
	s.inherited = nil
	return addresses
}

// Close closes what nobody asked for; who listens closes the others.
func (s *Set) Close() { s.CloseUnused() }

// Handover is what another process needs to take over the sockets.
type Handover struct {
	// Files are its descriptors from 3 on.
	Files []*os.File
	// Env is to be in its environment.
	Env string
}

// Handover returns copies of the sockets in use. Close the files once the
// process has been started.
func (s *Set) Handover() (*Handover, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &Handover{}
	var parts []string
	for _, o := range s.open {
		fd, err := duplicate(o.socket)
		if errors.Is(err, net.ErrClosed) {
			continue
		}
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("hand over the socket for %q: %w", o.address, err)
		}
		parts = append(parts, fmt.Sprintf("%d=%s@%s", FirstFD+len(h.Files), o.network, o.address))
		// Unlike File of package net, NewFile leaves the mode alone: it is that of our
		// own socket, too, and a blocking accept could not be ended.
		h.Files = append(h.Files, os.NewFile(uintptr(fd), "listener "+o.address))
	}
	h.Env = envSockets + "=" + strings.Join(parts, ",")
	return h, nil
}

// duplicate returns a descriptor of its own for a socket.
func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	ctl := raw.Control(func(s uintptr) {
		n, _, e := syscall.Syscall(syscall.SYS_FCNTL, s, syscall.F_DUPFD_CLOEXEC, FirstFD)
		if e != 0 {
			err = os.NewSyscallError("fcntl", e)
		}
		fd = int(n)
	})
	return fd, errors.Join(ctl, err)
}

// Close closes the copies.
func (h *Handover) Close() {
	for _, f := range h.Files {
		_ = f.Close()
	}
}

// Clean returns env without the variables that name sockets: those of this
// process are none of the next one's.
func Clean(env []string) []string {
	var clean []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if name != envSockets && name != envSystemd && name != envSystemdPID {
			clean = append(clean, e)
		}
	}
	return clean
}
