package option

import (
	"errors"
	"fmt"
)

// Config holds the option that names the YAML file.
var Config = Define("config", ConfigValues{})

// ConfigValues are the values of Config.
type ConfigValues struct {
	File string `flag:"config-file" type:"file name" doc:"YAML file with options, keys are the names of flags; flags and environment win over it"`
}

// Loaded is the outcome of Load.
type Loaded struct {
	Set *Set
	// Rest are the arguments that follow the flags.
	Rest     []string
	Warnings []Warning
}

// Load makes the set of one run. A later source wins over an earlier one:
// defaults, the YAML file, the environment, the flags in args (spec 1.9: flags
// win over the file). lookup is os.LookupEnv; readFile returns the content of
// the YAML file and bounds its size.
//
// The error holds every mistake of every source, joined, or ErrHelp among them
// when args ask for help; Loaded is valid as far as it goes.
func Load(args []string, lookup func(string) (string, bool), readFile func(string) ([]byte, error)) (Loaded, error) {
	l := Loaded{Set: NewSet()}
	warnings, err := l.Set.applyFile(args, lookup, readFile)
	errs := []error{err}
	l.Warnings = warnings

	warnings, err = l.Set.ApplyEnv(lookup)
	errs = append(errs, err)
	l.Warnings = append(l.Warnings, warnings...)

	l.Rest, warnings, err = l.Set.ApplyFlags(args)
	errs = append(errs, err)
	l.Warnings = append(l.Warnings, warnings...)
	return l, errors.Join(errs...)
}

// applyFile finds out the name of the YAML file, which flags and environment
// give, and applies the file. Other mistakes in flags and environment do not
// count here: Load reports them when it applies both.
func (s *Set) applyFile(args []string, lookup func(string) (string, bool), readFile func(string) ([]byte, error)) ([]Warning, error) {
	first := NewSet()
	_, _ = first.ApplyEnv(lookup)
	_, _, _ = first.ApplyFlags(args)
	name := Config.From(first).File
	if name == "" {
		return nil, nil
	}
	data, err := readFile(name)
	if err != nil {
		return nil, fmt.Errorf("read options from the file of -config-file: %w", err)
	}
	return s.ApplyYAML(name, data)
}
