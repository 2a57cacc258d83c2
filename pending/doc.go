// Package pending lists what the users of Skipper know by name and Fairlead
// does not do yet: flags, keys of the YAML file, filters and predicates (spec
// 1.2, 1.3, 1.8, 1.9). Thanks to it a manifest written for Skipper starts with
// warnings instead of an error, and the error about a filter can tell a typing
// mistake from a filter that is still to come.
//
// The walk: pending.txt is the list, one line each, grouped by what is missing;
// it is embedded and read at the first question.
//
// It promises that pending.txt is the only place with such names. It does not
// act on them: package option warns, package route and the commands put Missing
// into their errors. Whoever builds one of them deletes its line; a test of
// package cli fails while a name is both declared and pending.
//
// Start reading at pending.txt, then Flag.
package pending
