package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"fairlead.dev/fairlead/acme"
	"fairlead.dev/fairlead/certs"
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
	if !automatic.On() {
		return nil
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

// doors opens the listeners: the first is that of -address.
func (p *proxyParts) doors(ctx context.Context) ([]proxy.Door, error) {
	var doors []proxy.Door
	open := func(address string, secured *tls.Config) error {
		ln, err := openDoor(ctx, address)
		if err != nil {
			for _, d := range doors {
				_ = d.(*door).ln.Close()
			}
			return err
		}
		p.log.Info("proxy listens", "address", ln.Addr().String(), "tls", secured != nil)
		doors = append(doors, &door{ln: ln, tls: secured, sweeper: p.proxy.Sweeper(), log: p.log})
		return nil
	}
	var secured *tls.Config
	if p.certs.Served() {
		listen := certs.Listen{ALPN: []string{"h2", "http/1.1"}}
		if p.acme != nil {
			listen.Challenge = p.acme.TLSALPN
		}
		secured = p.certs.Listener(listen)
	}
	if err := open(p.address, secured); err != nil {
		return nil, err
	}
	if p.insecure != "" {
		return doors, open(p.insecure, nil)
	}
	return doors, nil
}
