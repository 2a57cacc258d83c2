package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPrivateWithoutAuthorization: where Authorization is a key header, private
// responses are for one client only if the request has it. Cookies do not tell
// clients apart.
func TestPrivateWithoutAuthorization(t *testing.T) {
	w := newWorld(t, "1m", "0s", "0s", "0s", "Authorization")
	defer w.close()
	w.answers(200, "Cache-Control: private", "of alice")
	w.get("/\nCookie: session=alice")
	w.answers(200, "Cache-Control: private", "of bob")
	if g := w.get("/\nCookie: session=bob"); g.how != "MISS" || g.body != "of bob" {
		t.Errorf("bob got %s %q", g.how, g.body)
	}
	w.answers(200, "Cache-Control: private", "of carol")
	w.get("/\nAuthorization: carol")
	if g := w.get("/\nAuthorization: carol"); g.how != "HIT" || g.body != "of carol" {
		t.Errorf("carol got %s %q", g.how, g.body)
	}
}

// TestAgeOfNotModified: what says that a response is still right may itself be old
// (RFC 9111 4.2.3).
func TestAgeOfNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.answers(200, "Cache-Control: max-age=60\nETag: \"1\"", "body")
		w.get("/")
		time.Sleep(time.Minute)
		w.reached()
		w.answers(304, "Cache-Control: max-age=60\nETag: \"1\"\nAge: 50", "")
		if g := w.get("/"); g.body != "body" || g.header.Get("Age") != "50" {
			t.Errorf("%s %q, age %s", g.how, g.body, g.header.Get("Age"))
		}
		if w.reached() != 1 {
			t.Error("the backend was not asked")
		}
		time.Sleep(9 * time.Second)
		if g := w.get("/"); g.how != "HIT" || w.reached() != 0 {
			t.Errorf("%s, asked %d times", g.how, w.reached())
		}
		time.Sleep(time.Second)
		if w.get("/"); w.reached() != 1 {
			t.Error("after 60 s nobody was asked")
		}
	})
}

// TestInvalidateTogether: of two changes at a time the later one counts, whichever
// is noted last.
func TestInvalidateTogether(t *testing.T) {
	s := newStore(1<<20, nil, nil)
	uri := []byte("u")
	for range 2000 {
		done := make(chan struct{})
		go func() { s.invalidate(uri); close(done) }()
		s.invalidate(uri)
		<-done
		if got := s.invalid[s.slot(uri)].Load(); got != s.now() {
			t.Fatalf("invalid before %d, expected %d", got, s.now())
		}
	}
}

// TestForcedAuthorization: must-revalidate and s-maxage allow keeping an answer to
// Authorization only because of the lifetime that they go with (RFC 9111 3.5), which
// arguments replace.
func TestForcedAuthorization(t *testing.T) {
	for fields, want := range map[string]string{
		"Cache-Control: max-age=0, must-revalidate": "MISS",
		"Cache-Control: s-maxage=0":                 "MISS",
		"Cache-Control: public":                     "HIT",
	} {
		w := newWorld(t, "1m", "0s", "0s", "0s")
		w.answers(200, fields, "of alice")
		w.get("/\nAuthorization: alice")
		if g := w.get("/\nAuthorization: bob"); g.how != want {
			t.Errorf("%s: bob got %s %q", fields, g.how, g.body)
		}
		w.close()
	}
}
