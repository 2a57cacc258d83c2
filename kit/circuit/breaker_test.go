package circuit

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// play makes calls as a script says: "+" a call that succeeds, "-" one that fails,
// "0" one that says nothing, "x" one that must not be allowed, "." a second passes.
func play(t *testing.T, b *Breaker, script string) {
	t.Helper()
	for i, c := range script {
		if c == '.' {
			time.Sleep(time.Second)
			continue
		}
		ticket, ok := b.Allow()
		if ok == (c == 'x') {
			t.Errorf("%s: step %d, %c: allowed %v", script, i, c, ok)
		}
		if ok {
			b.Done(ticket, map[rune]Result{'+': Success, '-': Failure, '0': Nothing, 'x': Nothing}[c])
		}
	}
}

func TestBreaker(t *testing.T) {
	inARow := Settings{Failures: 3, Timeout: 2 * time.Second, Tries: 2, Idle: time.Minute}
	rate := Settings{Failures: 3, Window: 5, Timeout: 2 * time.Second, Tries: 1, Idle: time.Minute}
	idle := inARow
	idle.Idle = 2 * time.Second
	idleRate := rate
	idleRate.Idle = 2 * time.Second
	for _, tt := range []struct {
		name   string
		set    Settings
		script string
	}{
		{"opens", inARow, "---xxx"},
		{"a success between", inARow, "--+--+---x"},
		{"nothing between", inARow, "--0-x"},
		{"closes", inARow, "---x.x.++--+---x"},
		{"opens again", inARow, "---..+-x.x.-x..++"},
		{"nothing while half open", inARow, "---..0000++-"},
		{"forgets", idle, "--...--+"},
		{"does not forget too early", idle, "--..-x"},
		{"rate opens", rate, "-+-+-x"},
		{"rate slides", rate, "-+-++-+-+-x"},
		{"rate does not see old ones", rate, "--+++--++-x"},
		{"rate closes", rate, "---x..+--+-x"},
		{"rate begins anew", rate, "---x..+--+++--"},
		{"rate forgets", idleRate, "--...--+"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, New(tt.set), tt.script) })
		})
	}
}

// TestTries checks that no more calls than asked for try at the same time.
func TestTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Settings{Failures: 1, Timeout: time.Second, Tries: 2, Idle: time.Hour})
		play(t, b, "-x.")
		first, ok1 := b.Allow()
		second, ok2 := b.Allow()
		if _, ok := b.Allow(); !ok1 || !ok2 || ok || !b.Open() {
			t.Errorf("allowed %v, %v, %v", ok1, ok2, ok)
		}
		b.Done(first, Success)
		if _, ok := b.Allow(); ok {
			t.Error("one more is allowed while the second is under way")
		}
		b.Done(second, Nothing)
		play(t, b, "++")
		if b.Open() || !b.Blank() {
			t.Error("it did not close")
		}
	})
}

// TestLate checks that calls from before do not count.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Settings{Failures: 1, Timeout: time.Second, Tries: 1, Idle: time.Hour})
		old, _ := b.Allow()
		play(t, b, "-.")
		trying, _ := b.Allow()
		b.Done(old, Failure) // while half open
		b.Done(old, Success)
		b.Done(trying, Success)
		b.Done(old, Failure) // while closed again
		b.Done(trying, Failure)
		if b.Open() {
			t.Error("a call from before opened it")
		}
	})
}

func TestParallel(t *testing.T) {
	b := New(Settings{Failures: 5, Window: 10, Timeout: time.Microsecond, Tries: 3, Idle: time.Hour})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				if ticket, ok := b.Allow(); ok {
					b.Done(ticket, Result((i*g)%3))
				}
			}
		})
	}
	wg.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying < 0 || b.worked > b.set.Tries {
		t.Errorf("%d are trying", b.trying)
	}
}

func TestAllocations(t *testing.T) {
	for _, window := range []int{0, 100} {
		b := New(Settings{Failures: 50, Window: window, Timeout: time.Second, Tries: 1, Idle: time.Hour})
		play(t, b, "-+")
		if n := testing.AllocsPerRun(1000, func() { play(t, b, "+") }); n > 0 {
			t.Errorf("window %d: %v allocations", window, n)
		}
	}
}

func BenchmarkBreaker(b *testing.B) {
	for _, window := range []int{0, 100} {
		b.Run(fmt.Sprint("window ", window), func(b *testing.B) {
			c := New(Settings{Failures: 50, Window: window, Timeout: time.Second, Tries: 1, Idle: time.Hour})
			b.ReportAllocs()
			for b.Loop() {
				if ticket, ok := c.Allow(); ok {
					c.Done(ticket, Success)
				}
			}
		})
	}
}
