package certs

import (
	"fmt"
	"time"
)

// pair is a certificate that is kept from two files.
type pair = kept[*Certificate]

func newPair(certFile, keyFile string) *pair {
	p := &pair{files: []string{certFile, keyFile}}
	p.parse = func(texts [][]byte) (*Certificate, error) {
		c, err := parsePair(certFile, keyFile, texts[0], texts[1])
		if err != nil {
			return nil, err
		}
		// What cannot serve now does not take the place of what can.
		now := time.Now()
		if p.good && p.value.validAt(now) && !c.validAt(now) {
			return nil, untimely{fmt.Errorf("certificate %q is valid from %s to %s, and the one before it until %s: that one serves on, give one that is valid now", certFile, day(c.tls.Leaf.NotBefore), day(c.tls.Leaf.NotAfter), day(p.value.tls.Leaf.NotAfter))}
		}
		return c, nil
	}
	return p
}

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// newPairs makes pairs of two lists of files, by position.
func newPairs(certFlag string, certFiles []string, keyFlag string, keyFiles []string) ([]*pair, error) {
	if len(certFiles) != len(keyFiles) {
		return nil, fmt.Errorf("option -%s names %d files and -%s names %d: expected one key for each certificate, in the same order", certFlag, len(certFiles), keyFlag, len(keyFiles))
	}
	pairs := make([]*pair, len(certFiles))
	for i := range certFiles {
		pairs[i] = newPair(certFiles[i], keyFiles[i])
	}
	return pairs, nil
}
