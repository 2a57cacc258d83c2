package table

import "fairlead.dev/fairlead/predicate"

// Weight returns the weight of a route with these predicates (spec 1.6, step
// 3): among the routes of one tree position the heavier is tried first.
// Predicates that choose the tree position count nothing, those that are
// Weighted what they say, all others 1; of those with an equal WeightKey only
// the first counts.
func Weight(preds []predicate.Predicate) int {
	sum := 0
	for i, p := range preds {
		if _, ok := p.(predicate.Tree); ok {
			continue
		}
		if k, ok := p.(predicate.WeightKeyed); ok && keyTaken(preds[:i], k.WeightKey()) {
			continue
		}
		if w, ok := p.(predicate.Weighted); ok {
			sum += w.Weight()
			continue
		}
		sum++
	}
	return sum
}

func keyTaken(preds []predicate.Predicate, key string) bool {
	for _, p := range preds {
		if k, ok := p.(predicate.WeightKeyed); ok && k.WeightKey() == key {
			return true
		}
	}
	return false
}
