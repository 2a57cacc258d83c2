package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"os"
	"testing"
)

func TestWrite(t *testing.T) {
	for _, sort := range []Sort{ECDSA, RSA} {
		f, err := Write(t.TempDir(), sort)
		if err != nil {
			t.Fatal(err)
		}
		for _, files := range [][2]string{{f.Cert, f.Key}, {f.Both, f.Both}} {
			pair, err := tls.LoadX509KeyPair(files[0], files[1])
			if err != nil {
				t.Fatalf("%s: %v", sort, err)
			}
			if err := pair.Leaf.VerifyHostname("127.0.0.1"); err != nil {
				t.Error(err)
			}
			switch key := pair.Leaf.PublicKey.(type) {
			case *ecdsa.PublicKey:
				if sort != ECDSA || key.Curve != elliptic.P256() {
					t.Errorf("%s: a key on %s", sort, key.Curve.Params().Name)
				}
			case *rsa.PublicKey:
				if sort != RSA || key.Size() != 256 {
					t.Errorf("%s: an RSA key of %d bytes", sort, key.Size())
				}
			}
			if at, err := os.Stat(files[1]); err != nil || at.Mode().Perm() != 0o600 {
				t.Errorf("key file %v, %v", at.Mode(), err)
			}
		}
	}
}

func TestWriteSaysWhatIsWrong(t *testing.T) {
	if _, err := Write(t.TempDir(), "dsa"); err == nil {
		t.Error("no error for an unknown sort")
	}
	if _, err := Write(t.TempDir()+"/none", ECDSA); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
