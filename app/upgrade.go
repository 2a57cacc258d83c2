package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/message"
)

// envReady names the descriptor on which a new process says that it is ready.
const envReady = "FAIRLEAD_UPGRADE_READY"

// handshakeTime is how long HTTP/3 handshakes may take until the other process
// has the socket alone.
const handshakeTime = 2 * time.Second

// dyingTime is how long a new process that failed may take to end.
const dyingTime = 5 * time.Second

// takesOver reports whether this process replaces another one.
func takesOver() bool {
	_, ok := os.LookupEnv(envReady)
	return ok
}

// upgrades starts the program anew at each signal until ctx ends. The new
// process gets the sockets; when it is ready, replaced gets its id.
func (p *proxyParts) upgrades(ctx context.Context, usr2 <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-usr2:
		}
		pid, err := p.upgrade(ctx)
		if err == nil {
			p.replaced <- pid
			return nil
		}
		p.log.Error("upgrade failed, going on as before", "error", err)
	}
}

// upgrade starts the new process and waits until it is ready. After an error
// nothing of it is left.
func (p *proxyParts) upgrade(ctx context.Context) (pid int, err error) {
	if os.Getpid() == 1 {
		return 0, errors.New("process 1 cannot be replaced: its end is the end of the container. Start another container instead")
	}
	ready, cmd, err := p.successor()
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	p.log.Info("upgrade: waiting until the new process is ready", "program", cmd.Path, "process", cmd.Process.Pid, "timeout", p.upgradeTimeout)
	_ = ready.SetReadDeadline(time.Now().Add(p.upgradeTimeout))
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var one [1]byte
	if _, err = io.ReadFull(ready, one[:]); err == nil {
		pid = cmd.Process.Pid // Release forgets it
		return pid, cmd.Process.Release()
	}
	over := time.AfterFunc(dyingTime, func() { _ = cmd.Process.Kill() })
	defer over.Stop()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return 0, errors.New("this process was told to end")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, fmt.Errorf("the new process was not ready after %s (-upgrade-timeout): see what it logged about its routes", p.upgradeTimeout)
	}
	return 0, fmt.Errorf("the new process ended before it was ready (%w): see what it logged", ended)
}

// successor starts the program with the arguments and the environment of this
// process, the sockets, and a pipe on which it says that it is ready.
func (p *proxyParts) successor() (ready *os.File, cmd *exec.Cmd, err error) {
	h, err := p.sockets.Handover()
	if err != nil {
		return nil, nil, err
	}
	defer h.Close()
	ready, say, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start the new process: %w", err)
	}
	defer say.Close()
	cmd = exec.Command(p.program, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = append(h.Files, say)
	cmd.Env = append(listen.Clean(environ()), h.Env, fmt.Sprintf("%s=%d", envReady, listen.FirstFD+len(h.Files)))
	if err := cmd.Start(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start the new process: %w", err), ready.Close())
	}
	return ready, cmd, nil
}

// environ returns the environment without what holds for this process alone.
func environ() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, envReady+"=") {
			env = append(env, e)
		}
	}
	return env
}

// program returns the path of the program as it was called, so that a link that
// leads elsewhere by the time of an upgrade is followed; or the path of the file,
// if what was called cannot be found so.
func program() string {
	file, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return file
	}
	a, errA := os.Stat(called)
	b, errB := os.Stat(file)
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return file
	}
	return called
}

// sayReady tells the process that this one replaces that it may go.
func (p *proxyParts) sayReady() {
	for _, address := range p.sockets.CloseUnused() {
		p.log.Warn("took over a socket that no option names: closed it", "address", address)
	}
	text, ok := os.LookupEnv(envReady)
	if !ok {
		return
	}
	close(p.serving)
	_ = os.Unsetenv(envReady)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < listen.FirstFD {
		p.log.Error("tell the process before that this one is ready", "error", fmt.Sprintf("%s: found %q, expected a descriptor", envReady, text))
		return
	}
	say := os.NewFile(uintptr(fd), "ready")
	_, err = say.Write([]byte{1})
	if err = errors.Join(err, say.Close()); err != nil {
		p.log.Error("tell the process before that this one is ready", "error", err)
	}
}

// giveWay leaves the sockets to the process that replaces this one. Health stays
// as it is: the other answers.
func (p *proxyParts) giveWay(ctx context.Context, pid int) {
	p.log.Info("replaced by a new process, ending when the requests are done", "process", pid)
	p.gaveWay.Store(true)
	p.admin.Leave()
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	p.proxy.HandOverHTTP3(ctx)
}

// readiness says whether requests are served. Once another process has the sockets
// they are, whatever becomes of this one: somebody may still ask it who came just
// before.
type readiness struct{ p *proxyParts }

// Ready implements admin.Ready.
func (h readiness) Ready() message.Reason {
	if h.p.gaveWay.Load() {
		return message.ReasonNone
	}
	return h.p.proxy.Ready()
}

// runAdmin serves the support listener. A process that replaces another one
// takes the port with the others and answers once it is ready: until then
// health is what the process before says.
func (p *proxyParts) runAdmin(ctx context.Context) error {
	select {
	case <-p.serving:
	case <-ctx.Done():
	}
	return p.admin.Run(ctx)
}
