// Package hostile holds nothing but tests: the whole proxy, started as the
// command starts it, against what attackers send.
//
// The walk: start (harness_test.go) runs a proxy; startRecorder runs a backend
// that keeps every byte it is sent and reads it with a strict parser of its own,
// so that "how many requests arrived?" has one answer. Each class of attack has
// a test that is named after it, here or beside the code that defends; classes
// (classes_test.go) lists them all, and TestClasses checks that each exists.
//
// It promises: a test fails when its defence is taken away. Times are compared
// within a run, never with a clock.
//
// Start reading at classes_test.go.
package hostile
