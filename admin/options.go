package admin

import (
	"runtime"

	"fairlead.dev/fairlead/option"
)

// Options are the settings of this package (spec 1.8, Metrics).
var Options = option.Define("admin", Values{Address: ":9911"})

// Values are the settings and their types.
type Values struct {
	Address              string `flag:"support-listener" old:"metrics-listener" doc:"address of metrics, routes, health and profiles; empty leaves them out"`
	Profile              bool   `flag:"enable-profile" doc:"serve profiles under /debug/pprof on the support listener"`
	BlockProfileRate     int    `flag:"block-profile-rate" doc:"with enable-profile: one in so many nanoseconds of blocking is recorded, 1 means every event"`
	MutexProfileFraction int    `flag:"mutex-profile-fraction" doc:"with enable-profile: one in so many contended mutexes is recorded"`
	MemoryProfileRate    int    `flag:"memory-profile-rate" doc:"with enable-profile: one in so many allocated bytes is recorded; the default is that of Go, 512 KB"`
}

// applyRates sets what profiles record and returns how to take it back.
func (v *Values) applyRates() (restore func()) {
	if !v.Profile {
		return func() {}
	}
	mutex := runtime.SetMutexProfileFraction(-1) // reads it
	memory := runtime.MemProfileRate
	if v.BlockProfileRate > 0 {
		runtime.SetBlockProfileRate(v.BlockProfileRate)
	}
	if v.MutexProfileFraction > 0 {
		runtime.SetMutexProfileFraction(v.MutexProfileFraction)
	}
	if v.MemoryProfileRate > 0 {
		runtime.MemProfileRate = v.MemoryProfileRate
	}
	return func() {
		if v.BlockProfileRate > 0 {
			runtime.SetBlockProfileRate(0)
		}
		runtime.SetMutexProfileFraction(mutex)
		if runtime.MemProfileRate != memory {
			runtime.MemProfileRate = memory
		}
	}
}
