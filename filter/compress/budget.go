package compress

import (
	"sync/atomic"

	"fairlead.dev/fairlead/filter"
)

// budget bounds the memory of all responses that are being compressed. Clients
// that read slowly keep encoders busy: without a bound they could fill the
// memory.
type budget struct {
	most int64
	used atomic.Int64
}

type budgetKey struct{}

func sharedBudget(env *filter.Env) *budget {
	return env.Shared(budgetKey{}, func() any {
		return &budget{most: Options.From(env.Options).MaxMemory}
	}).(*budget)
}

// take reports whether n bytes were left; give returns them.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.most {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) give(n int64) { b.used.Add(-n) }
