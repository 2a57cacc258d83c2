package suggest

import "strings"

// longest is how many bytes a name may have to be compared at all: the cost of
// a comparison grows with the product of the lengths.
const longest = 64

// Nearest returns the candidate that differs least from name, the first of
// several, or "" when none is near: at most a third of the letters may differ,
// case does not count. Names of more than 64 bytes are near to nothing.
func Nearest(name string, candidates []string) string {
	if name == "" || len(name) > longest {
		return ""
	}
	name = strings.ToLower(name)
	best, limit := "", max(1, len(name)/3)
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		if d := distance(name, strings.ToLower(c), limit); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance is the edit distance with transpositions, or some number above limit
// when it is above limit. Neither a nor b is longer than twice longest.
func distance(a, b string, limit int) int {
	if limit < 0 || len(a)-len(b) > limit || len(b)-len(a) > limit || len(b) > 2*longest {
		return limit + 1
	}
	var rows [3][2*longest + 1]int
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
