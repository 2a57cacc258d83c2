// Package option declares the settings of Fairlead, each once: one tagged
// struct field beside the code that uses it gives the command line flag, the
// environment name, the YAML key, its line of the reference page and of
// completion.
//
//	var Options = option.Define("proxy", Values{Address: ":9090"})
//
//	type Values struct {
//		Address string `flag:"address" doc:"where the proxy listens"`
//	}
//
//	address := Options.From(set).Address
//
// The walk: Define files the declaration, Load makes the Set of one run from
// the defaults, the YAML file (ApplyYAML), the environment (ApplyEnv) and the
// command line (ApplyFlags), each winning over the one before (spec 1.9: flags
// win over the file). Every value, wherever it comes from, goes through the
// same codec, so a type is written and checked the same way everywhere.
//
// It promises: an error names the flag, environment name or file:line:column,
// what was found and what was expected; all mistakes are reported, not just the
// first; the value of a secret option appears in no message and no listing; a
// Set is only read once the program starts its parts.
//
// It does not reload settings, and it does not read files or the environment
// itself: the caller passes both in.
//
// Options that Fairlead knows and has not built yet are package pending's;
// they are accepted with a warning.
//
// Start reading at Define, then Load, then codec.
package option
