package control

import (
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/route"
)

// mark is an object that routes are made from, as originMarker names it.
type mark struct{ origin, id string }

// marks counts the routes of each object, to know those that are new.
type marks struct {
	told   func(origin string, age time.Duration)
	routes map[mark]int
}

// change takes routes that came and routes that left. It tells how old the objects
// are that had no route before, unless all of them are old: those of the start.
func (m *marks) change(came, left []*route.Route, start bool) {
	if m.told == nil {
		return
	}
	if m.routes == nil {
		m.routes = map[mark]int{}
	}
	now := time.Now()
	for _, r := range came {
		eachMark(r.Definition, func(k mark, created time.Time) {
			if m.routes[k]++; m.routes[k] == 1 && !start {
				m.told(k.origin, max(0, now.Sub(created)))
			}
		})
	}
	for _, r := range left {
		eachMark(r.Definition, func(k mark, _ time.Time) {
			if m.routes[k]--; m.routes[k] == 0 {
				delete(m.routes, k)
			}
		})
	}
}

// eachMark calls see for each object that def names.
func eachMark(def *eskip.Route, see func(k mark, created time.Time)) {
	for i := range def.Filters {
		f := &def.Filters[i]
		if f.Name != "originMarker" || len(f.Args) != 3 || f.Args[0].Text == "" || f.Args[1].Text == "" {
			continue
		}
		if created, err := time.Parse(time.RFC3339, f.Args[2].Text); err == nil {
			see(mark{f.Args[0].Text, f.Args[1].Text}, created)
		}
	}
}
