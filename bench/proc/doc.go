// Package proc measures and starts the processes of a benchmark.
//
// The walk: [Start] runs a program on one CPU and [Process.Stop] ends it and
// what it started; [CPU] and [Memory] add up what a process and its
// descendants used, from /proc.
//
// It promises that a process that was started is ended by its id, also when
// the benchmark itself dies. It knows Linux only.
//
// Start reading at [CPU].
package proc
