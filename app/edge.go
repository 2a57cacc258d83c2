package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"fairlead.dev/fairlead/acme"
	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/http3"
	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/proxy"
)

// secure makes the parts that TLS is done with.
func (p *proxyParts) secure(options *option.Set) (err error) {
	o := proxy.Options.From(options)
	p.address, p.insecure = o.Address, o.InsecureAddress
	automatic := acme.Options.From(options)
	p.certs, err = certs.New(certs.Config{Options: options, Log: p.log, Elsewhere: automatic.On()})
	if err != nil {
		return err
	}
	if p.insecure != "" && !p.certs.Served() {
		return errors.New("-insecure-address: there is no TLS for it to be beside, give -tls-cert and -tls-key, or leave it out")
	}
	if p.packets = http3.Options.From(options).Address; p.packets != "" && !p.certs.Served() {
		return errors.New("-http3-address: HTTP/3 needs TLS, give -tls-cert and -tls-key")
	}
	if err = p.makeGate(options); err != nil || !automatic.On() {
		return err
	}
	p.acme, err = acme.New(*automatic, acme.Config{Log: p.log, OnChange: p.obtained})
	return err
}

// obtained gives the certificates of the CA to the listeners.
func (p *proxyParts) obtained(pairs []*tls.Certificate) {
	var all []*certs.Certificate
	for _, pair := range pairs {
		c, err := certs.NewCertificate(*pair, "ACME")
		if err != nil {
			p.log.Error("use certificate from ACME", "error", err)
			continue
		}
		all = append(all, c)
	}
	p.certs.Store().Set("acme", all)
}

// challenge returns who answers http-01 challenges, nil when nobody is asked.
func (p *proxyParts) challenge() func(host, path string) (string, bool) {
	if p.acme == nil {
		return nil
	}
	return p.acme.HTTP01
}

// startACME serves the certificates that were kept and has the others obtained.
func (p *proxyParts) startACME(ctx context.Context, s *starter) error {
	if p.acme == nil {
		return nil
	}
	if err := p.acme.Load(ctx); err != nil {
		return fmt.Errorf("load certificates from -acme-storage: %w", err)
	}
	s.start("acme", p.acme.Run)
	return nil
}

// makeGate makes what decides who may enter.
func (p *proxyParts) makeGate(options *option.Set) (err error) {
	memory, _ := cgroupLimit(os.ReadFile)
	var accepted, waiting atomic.Int64
	p.metrics.GaugeFunc("listener_accepted_connections", "connections that are served", func() float64 { return float64(accepted.Load()) })
	p.metrics.GaugeFunc("listener_queued_connections", "connections that wait in the TCP queue", func() float64 { return float64(waiting.Load()) })
	counts := func(a, w int) { accepted.Store(int64(a)); waiting.Store(int64(w)) }
	if listen.Options.From(options).EnableQueue { // the peer's gauges, which it has with the queue alone
		a, w := p.metrics.Gauge("listener.accepted.connections"), p.metrics.Gauge("listener.queued.connections")
		own := counts
		counts = func(accepted, waiting int) { own(accepted, waiting); a.Set(float64(accepted)); w.Set(float64(waiting)) }
	}
	p.gate, err = listen.NewGate(options, listen.GateConfig{
		Memory: memory, Patience: proxy.Options.From(options).ReadHeaderTimeout,
		Counts: counts,
	})
	return err
}

// doors opens the listeners: the first is that of -address.
func (p *proxyParts) doors(ctx context.Context) ([]proxy.Door, error) {
	var secured *tls.Config
	if p.certs.Served() {
		l := certs.Listen{ALPN: []string{"h2", "http/1.1"}}
		if p.acme != nil {
			l.Challenge = p.acme.TLSALPN
		}
		secured = p.certs.Listener(l)
	}
	first, err := p.door(ctx, "proxy", p.address, secured)
	if err != nil {
		return nil, err
	}
	doors := []proxy.Door{first}
	if p.insecure != "" {
		second, err := p.door(ctx, "insecure", p.insecure, nil)
		if err != nil {
			return nil, errors.Join(err, closeDoors(doors))
		}
		doors = append(doors, second)
	}
	if p.packets != "" {
		third, err := p.packetDoor(ctx)
		if err != nil {
			return nil, errors.Join(err, closeDoors(doors))
		}
		doors = append(doors, third)
	}
	return doors, nil
}

func closeDoors(doors []proxy.Door) error {
	var err error
	for _, d := range doors {
		err = errors.Join(err, d.Socket.Close())
	}
	return err
}

// packetDoor opens the socket of HTTP/3, with the certificates and authorities
// that TCP listeners have.
func (p *proxyParts) packetDoor(ctx context.Context) (proxy.Door, error) {
	c, err := p.sockets.ListenPacket(ctx, p.packets)
	if err != nil {
		return proxy.Door{}, fmt.Errorf("%w (is another process using the port? choose one with -http3-address)", err)
	}
	s, err := http3.Take(c)
	if err != nil {
		return proxy.Door{}, err
	}
	p.log.Info("proxy listens", "address", s.LocalAddr().String(), "protocol", "HTTP/3")
	return proxy.Door{Packets: s, TLS: p.certs.Listener(certs.Listen{ALPN: []string{http3.ALPN}})}, nil
}

// door opens one listener. The error names the address and what to do.
func (p *proxyParts) door(ctx context.Context, name, address string, secured *tls.Config) (proxy.Door, error) {
	ln, err := p.sockets.Listen(ctx, address)
	if err != nil {
		return proxy.Door{}, fmt.Errorf("%w (is another process using the port? choose one with -address)", err)
	}
	p.proxy.Protect(ln.Addr())
	p.log.Info("proxy listens", "address", ln.Addr().String(), "tls", secured != nil)
	return proxy.Door{Socket: ln, Listener: listen.New(listen.Config{
		Name: name, Gate: p.gate, Sweeper: p.proxy.Sweeper(), TLS: secured, Log: p.log,
		Refused:   func(why listen.Refusal) { p.metrics.ConnRefused(name, string(why)) },
		Handshake: p.metrics.ObserveHandshake,
	})}, nil
}
