package arg

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// CheckRegexp reports whether s is a regular expression. It does not compile
// it: a route table holds many times more expressions than will ever be run,
// because most of them are answered by an index.
func CheckRegexp(s string) error {
	if len(s) > maxRegexp {
		return fmt.Errorf("regular expression with %d bytes, expected at most %d: write several routes", len(s), maxRegexp)
	}
	if plainRegexp(s) {
		return nil
	}
	_, err := syntax.Parse(s, syntax.Perl)
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Errorf("regular expression %s: %s: %s", quote(s), e.Code, quote(e.Expr))
	}
	return err
}

// maxRegexp bounds expressions: compiled they take 200 times their size, and each
// match costs up to the length of the expression times that of the text.
// maxPlainDepth keeps plain expressions far below the limits of the regexp
// package.
const (
	maxRegexp     = 64 << 10
	maxPlainDepth = 100
)

// plainRegexp recognises, at a small part of the cost of parsing, expressions
// that are certainly valid: those which the conversion of Ingress hosts and
// paths writes, such as ^(www[.]example[.]org[.]?(:[0-9]+)?)$. It knows only
// literals, ".", "^", "$", "|", groups, simple classes and "?", "*", "+".
func plainRegexp(s string) bool {
	depth := 0
	atom := false // whether the last piece may be repeated
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '^' || c == '$' || c == '|':
			atom = false
		case c == '(':
			depth++
			if depth > maxPlainDepth {
				return false
			}
			atom = false
		case c == ')':
			depth--
			if depth < 0 {
				return false
			}
			atom = true
		case c == '?' || c == '*' || c == '+':
			if !atom {
				return false
			}
			atom = false
		case c == '[':
			n := plainClass(s[i+1:])
			if n == 0 {
				return false
			}
			i += n
			atom = true
		case c == '\\':
			i++
			if i == len(s) || strings.IndexByte(`./-dw`, s[i]) < 0 {
				return false
			}
			atom = true
		default:
			if !isAlnum(c) && strings.IndexByte("._-/:@%=&~,;", c) < 0 {
				return false
			}
			atom = true
		}
	}
	return depth == 0
}

// plainClass returns how many bytes a simple character class takes after "[",
// or 0: letters, digits and dots, and ranges within a-z, A-Z or 0-9.
func plainClass(s string) int {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ']' && i > 0:
			return i + 1
		case c == '.':
			i++
		case !isAlnum(c):
			return 0
		case i+2 < len(s) && s[i+1] == '-':
			if to := s[i+2]; !isAlnum(to) || kind(c) != kind(to) || c > to {
				return 0
			}
			i += 3
		default:
			i++
		}
	}
	return 0
}

func isAlnum(c byte) bool { return kind(c) > 0 }

func kind(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return 1
	case 'a' <= c && c <= 'z':
		return 2
	case 'A' <= c && c <= 'Z':
		return 3
	}
	return 0
}
