// Package eskip is the route language: its model, parser, printer, canonical
// form and JSON form. It does no I/O and knows neither which predicates and
// filters exist nor how requests are matched.
//
// # The language
//
//	document   = [ route | { ";" } definition { ";" [ definition ] } ] .
//	definition = symbol ":" route .
//	route      = predicates "->" { filter "->" } backend .
//	predicates = predicate { "&&" predicate } .
//	predicate  = "*" | call .
//	filter     = call .
//	call       = symbol "(" [ [ "," ] arg { "," arg } ] ")" .
//	arg        = number | string | regexp .
//	backend    = string | "<shunt>" | "<loopback>" | "<dynamic>" | "<forward>"
//	           | "<" [ symbol "," ] string { "," string } ">" .
//	symbol     = letter or "_" { letter | digit | "_" } .
//	number     = [ "-" ] digits with at most one point [ ( "e" | "E" ) [ "+" | "-" ] digits ] .
//
// A string stands in double quotes or backticks; in both \a \b \f \n \r \t \v
// \\ and the escaped quote are escapes, and any other backslash stays. A regexp
// stands between slashes: one in brackets does not end it, \/ and \\ are its
// escapes. Once parsed it is a string like any other. Strings and regexps may
// span lines and hold any byte. A comment runs from // to the end of the line.
// White space is what ASCII calls so, and the bytes 0x85 and 0xa0. A byte order
// mark at the start is skipped.
//
// "*" and Any() are no condition and leave nothing in the model; a route without
// predicates is printed with "*". An endpoint of a load balanced backend may
// carry its zone as ?zone=. Path and query of a backend's address have no
// meaning; they are kept as written.
//
// # The walk
//
// Parse makes tokens (lex.go, literal.go) and reads them by recursive descent
// (parse.go, expr.go). The grammar does not nest, so nothing recurses. A
// definition that is complete is built and then checked for its meaning
// (check.go): Path or PathSubtree once, Method once, each Header once, the
// arguments of the predicates that belong to the language, one scheme for all
// endpoints, the form of addresses, ids that differ. After a fault the parser
// goes on where it is plain what was meant, else it skips to the next
// definition (resync.go).
//
// # What it promises
//
//   - Every fault of a document is reported, with line, column, what was found,
//     what was expected and a suggestion where there is one. At most 10,000 are
//     kept. A definition with a fault is not returned; all others are. Of two
//     definitions with one id the later has the fault.
//   - Exact round trip: Parse(Print(r)) is r for all that Parse, ParseFilters,
//     ParsePredicates or UnmarshalJSON returned and all that Check lets through.
//     The text form is the one that the peer reads, too: numbers have no
//     exponent and all digits.
//   - Time grows linearly with the document, also for broken ones. Documents may
//     have up to 256 MiB.
//   - A typical route costs four allocations. Its strings are views of the
//     document, which stays in memory as long as one of them: whoever keeps a
//     few routes of a big document clones them. Splitter reads a big document
//     in pieces.
//
// # Where it differs from the peer
//
// What the peer reads is read the same way (spec 1.5), apart from what cannot
// work there either and is a fault here: Path together with PathSubtree or
// PathSubtree twice, wrong arguments of PathSubtree, backends without scheme or
// host, an id that is used twice. Beyond the peer:
//
//   - A broken route does not reject the document.
//   - Numbers may have an exponent, which the peer prints but does not read.
//   - <forward>, tiny and huge numbers, and quotes in backends are printed so
//     that they can be read.
//   - Predicates keep their order; nothing is moved to the front.
//   - Canonical breaks ties of the order by name with the arguments.
//   - Equal looks at the order of predicates and endpoints. Compare Canonical
//     routes where it does not matter.
//   - The JSON form refuses unknown fields, and what Check refuses.
//
// One thing goes beyond the grammar: when a definition is broken and has a
// string or regexp that spans lines, and in it a line that ends with ";" is
// followed by what looks like a definition in the same column, the closing quote
// is taken for missing and reading goes on there. Sound definitions are never
// looked at in this way.
//
// Start reading at Route, then Parse, then Printer.
package eskip
