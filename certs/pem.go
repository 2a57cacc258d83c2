package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// block is one PEM block of a file.
type block struct {
	*pem.Block
	text         []byte // as it stands in the file
	number, line int    // counted from 1
}

func (b block) at() string { return fmt.Sprintf("block %d (line %d)", b.number, b.line) }

const (
	beginMark = "-----BEGIN "
	endMark   = "-----END "
)

// blocks cuts text into PEM blocks (RFC 7468). Text between blocks is allowed,
// as everywhere; a block that is not whole is an error, where encoding/pem
// skips it.
func blocks(text []byte) ([]block, error) {
	var found []block
	start, startLine, kind := -1, 0, ""
	at, line := 0, 0
	for l := range bytes.Lines(text) {
		line++
		from := at
		at += len(l)
		t := strings.TrimRight(string(l), " \t\r\n")
		switch {
		case strings.HasPrefix(t, beginMark):
			if start >= 0 {
				return nil, fmt.Errorf("block %d (line %d): BEGIN %s is followed by another BEGIN in line %d, expected END: the file is damaged, write it again", len(found)+1, startLine, kind, line)
			}
			start, startLine, kind = from, line, label(t[len(beginMark):])
		case strings.HasPrefix(t, endMark):
			b := block{text: text[max(start, 0):at], number: len(found) + 1, line: startLine}
			if start < 0 {
				return nil, fmt.Errorf("line %d: END without BEGIN: the first part of the file is missing, write it again", line)
			}
			rest := []byte(nil)
			if b.Block, rest = pem.Decode(b.text); b.Block == nil || len(bytes.TrimSpace(rest)) > 0 {
				return nil, fmt.Errorf("%s: BEGIN %s is no well-formed PEM: the file is damaged, write it again", b.at(), kind)
			}
			found = append(found, b)
			start = -1
		}
	}
	if start >= 0 {
		return nil, fmt.Errorf("block %d (line %d): BEGIN %s without END: the file ends in the middle, write the whole of it", len(found)+1, startLine, kind)
	}
	if len(found) == 0 {
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, errors.New("the file is empty, expected PEM blocks (-----BEGIN ...)")
		}
		return nil, errors.New("found no PEM block: lines must begin with -----BEGIN, without indentation; convert DER with openssl x509 -inform der")
	}
	return found, nil
}

// label returns the label of a line that begins a block, as it may be shown: if
// line breaks were lost, what follows it on the line may be a key.
func label(text string) string {
	text, _, _ = strings.Cut(text, "-----")
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && c != ' ' && c != '0' && c != '5' && c != '9' {
			return "?"
		}
	}
	if len(text) > 32 {
		return "?"
	}
	return text
}

// parseCertificates returns the certificates among the blocks of text.
func parseCertificates(text []byte) (certs []*x509.Certificate, at []block, err error) {
	all, err := blocks(text)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range all {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w: write the certificate again", b.at(), err)
		}
		certs, at = append(certs, c), append(at, b)
	}
	if len(certs) == 0 {
		return nil, nil, fmt.Errorf("found %d PEM blocks, the first is %q, expected a CERTIFICATE", len(all), label(all[0].Type))
	}
	return certs, at, nil
}

// parseKey returns the PEM text of the private key in text.
func parseKey(text []byte) (block, error) {
	all, err := blocks(text)
	if err != nil {
		return block{}, err
	}
	for _, b := range all {
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return block{}, fmt.Errorf("%s: the key is encrypted and nobody can be asked for its password: decrypt it, such as with openssl pkey", b.at())
		case b.Type == "PRIVATE KEY", strings.HasSuffix(b.Type, " PRIVATE KEY"):
			return b, nil
		}
	}
	return block{}, fmt.Errorf("found %d PEM blocks, the first is %q, expected a PRIVATE KEY", len(all), label(all[0].Type))
}

// parsePair makes a certificate of the contents of its two files. Errors name
// the file and never show what is in a key.
func parsePair(certFile, keyFile string, certText, keyText []byte) (*Certificate, error) {
	chain, at, err := parseCertificates(certText)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", certFile, err)
	}
	key, err := parseKey(keyText)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", keyFile, err)
	}
	var leafFirst []byte
	for _, b := range at {
		leafFirst = append(leafFirst, b.text...)
		if !bytes.HasSuffix(b.text, []byte("\n")) {
			leafFirst = append(leafFirst, '\n')
		}
	}
	pair, err := tls.X509KeyPair(leafFirst, key.text)
	if err == nil {
		return newCertificate(pair, chain[0], certFile), nil
	}
	if i := matching(chain, at, key); i > 0 {
		return nil, fmt.Errorf("certificate %q: the key %q belongs to %s, expected it to belong to the first: put the server's certificate first and the intermediates after it", certFile, keyFile, at[i].at())
	}
	return nil, fmt.Errorf("certificate %q with key %q: %w: give the key that the certificate was made for", certFile, keyFile, err)
}

// matching returns the place of the certificate that key belongs to, or -1.
func matching(chain []*x509.Certificate, at []block, key block) int {
	for i := range chain {
		if _, err := tls.X509KeyPair(at[i].text, key.text); err == nil {
			return i
		}
	}
	return -1
}

// parseAuthorities adds the certificates of files to pool.
func parseAuthorities(pool *x509.CertPool, files []string, texts [][]byte) error {
	for i, text := range texts {
		certs, _, err := parseCertificates(text)
		if err != nil {
			return fmt.Errorf("authority %q: %w", files[i], err)
		}
		for _, c := range certs {
			pool.AddCert(c)
		}
	}
	return nil
}
