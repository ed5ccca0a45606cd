// Package sinks turns a file format and a store into a pipeline.Sink.
//
// Start at New. A Format encodes records, a Store keeps bytes under keys, and
// a Layout names the folders; everything else is done here, once for all of
// them: file names, counting, hashing, metadata, the order of publication,
// verification, and the marker that keeps two ledgers out of one archive.
//
// The package knows no file format and no disk. Formats and stores are
// packages below it; sinktest has the suites that each of them must pass.
package sinks
