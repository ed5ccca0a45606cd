// Package kql evaluates Kusto queries over tables in memory. It exists for the
// service emulator beside it: the part of the language that exports, probes
// and their tests use is evaluated as the service documents it, and everything
// else is refused with an error of the service's form, never guessed at.
//
// Start at [Evaluate]. A query passes through lexer.go, parse*.go (to the tree
// of ast.go), bind.go, relation.go and scalar.go (names to columns, expressions
// to closures) and the operators (op*.go, join.go, union.go, summarize.go).
//
// Facts about the language are from Microsoft's KQL reference
// (MicrosoftDocs/dataexplorer-docs, data-explorer/kusto/query) unless a comment
// names another source.
package kql
