// Package pipeline is the engine of kustash: it turns declared queries into an
// archive in which every row of a window is in exactly one committed file.
//
// The path through it is Window → Slice → record → Receipt:
//
//   - A Span is a window as declared; Resolve fixes it at one instant.
//   - History folds the ledger's entries into what is done and what is open.
//   - BuildPlan subtracts the one from the other and cuts the rest into slices.
//   - Runner reads each slice once, writes it to every sink that lacks it, and
//     commits in the order read, prepare, intended, commit, done.
//
// Sources, sinks and the ledger are interfaces here and live elsewhere. The
// package knows no HCL, no Azure, no file format and no disk. It prints and
// logs nothing: a run reports Event values.
//
// All times are UTC. Goroutines start in run.go and nowhere else.
package pipeline
