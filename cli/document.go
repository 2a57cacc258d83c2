package cli

import (
	"errors"
	"fmt"
	"os"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
)

// document is one text in the route language.
type document struct {
	name   string // for messages
	text   string
	routes []*eskip.Route // those that parse
	faults []error        // one for each mistake, with its place
}

// readDocument reads and parses a file, or standard input when name is "-". The
// error is about reading; mistakes in the document are in its faults.
func (s *shell) readDocument(name string) (document, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "stdin"
		data, err = readAll(s.Stdin, name, eskip.MaxDocument)
	} else {
		data, err = readFile(name, eskip.MaxDocument)
	}
	if err != nil {
		return document{}, fmt.Errorf("read routes from %q: %w", name, bare(err))
	}
	return parse(name, string(data)), nil
}

// bare takes away what os adds to an error and our own words say already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func parse(name, text string) document {
	d := document{name: name, text: text}
	var err error
	d.routes, err = eskip.Parse(name, text)
	d.faults = apart(err)
	return d
}

// apart returns the errors that err joins.
func apart(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// readAllDocuments reads several documents. Every one that cannot be read is
// reported.
func (s *shell) readAllDocuments(names []string) ([]document, error) {
	var docs []document
	var errs []error
	for _, n := range names {
		d, err := s.readDocument(n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		docs = append(docs, d)
	}
	return docs, errors.Join(errs...)
}

// report writes problems to standard error, one a line, and returns the error
// that ends the program; nil when there are none.
func (s *shell) report(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	for _, p := range problems {
		s.complain("%v", p)
	}
	return quiet(exitProblem)
}

// compiler makes routes the way the proxy does, without ever serving with them.
func compiler() *route.Compiler {
	options := option.NewSet()
	env := filter.NewEnv(options, discard())
	env.Offline = true
	return &route.Compiler{
		FilterEnv:    env,
		PredicateEnv: &predicate.Env{Options: options, Log: discard()},
		Endpoints:    new(backend.Set),
		ForwardURL:   "http://forward.invalid", // what the proxy will have is not known here
		Pending:      pending.Hint,
	}
}
