package control_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMergeProperty changes three sources at random and compares what serves
// with a merge from scratch: the first definition of the first source.
func TestMergeProperty(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		fakes := []*fake{newFake("f", ""), newFake("g", ""), newFake("h", "")}
		docs := make([][]string, len(fakes))
		w := newWorld(t, fakes[0], fakes[1], fakes[2])
		for step := range 20 {
			i := rnd.IntN(len(fakes))
			docs[i] = editIDs(rnd, docs[i])
			var text strings.Builder
			for _, d := range docs[i] {
				id, to, _ := strings.Cut(d, "=")
				fmt.Fprintf(&text, "%s: * -> \"http://%s\";\n", id, to)
			}
			fakes[i].set(text.String(), nil)
			got := w.run()
			if want := mergeAll(docs); got != want {
				t.Fatalf("seed %d, step %d: serving %q, want %q", seed, step, got, want)
			}
		}
		w.Close()
		if n := w.compiler.Endpoints.Len(); n != 0 {
			t.Fatalf("seed %d: %d endpoints left", seed, n)
		}
	}
}

// editIDs changes a list of id=backend.
func editIDs(rnd *rand.Rand, list []string) []string {
	list = slices.Clone(list)
	switch at := rnd.IntN(len(list) + 1); rnd.IntN(4) {
	case 0:
		rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	case 1:
		list = slices.Delete(list, at, min(at+rnd.IntN(4), len(list)))
	default:
		for range 1 + rnd.IntN(3) {
			list = slices.Insert(list, at, fmt.Sprintf("r%d=%d", rnd.IntN(6), 1+rnd.IntN(3)))
		}
	}
	return list
}

func mergeAll(docs [][]string) string {
	first := map[string]string{}
	for _, list := range docs {
		for _, d := range list {
			if id, _, _ := strings.Cut(d, "="); first[id] == "" {
				first[id] = d
			}
		}
	}
	var all []string
	for _, d := range first {
		all = append(all, d)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestChangeCost makes sure that changing one route does not touch the others.
func TestChangeCost(t *testing.T) {
	const n = 10_000
	path := filepath.Join(t.TempDir(), "routes.eskip")
	text := manyRoutes(n)
	texts := [...]string{text, strings.Replace(text, `"app-5000"`, `"app-fifty"`, 1)}
	writeOld(t, path, text, time.Hour)
	l := newLoaded(t, path)
	defer l.Close()
	l.runOnce(t, n)
	generation := l.Status().Generation
	i := 0
	allocs := testing.AllocsPerRun(10, func() {
		i++
		writeOld(t, path, texts[i%2], time.Hour+time.Duration(i)*time.Second)
		l.runOnce(t, n)
	})
	if allocs > 300 {
		t.Errorf("one changed route of %d takes %v allocations", n, allocs)
	}
	if got := l.Status().Generation - generation; got != uint64(i) {
		t.Errorf("%d tables for %d changes", got, i)
	}
}
