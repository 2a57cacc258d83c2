// Package result holds what a benchmark measured and writes it as tables.
//
// The walk: package suite fills a [Result] with one [Run] per scenario, peer
// and round; [Result.WriteTables] takes medians and ratios; [Splice] puts the
// text between the markers of a document.
//
// It promises that a table says nothing that is not in the runs: a run with
// errors is marked, a peer without a result has a dash, the spread of the
// rounds stands beside the median.
//
// Start reading at Result.
package result
