// Package config turns the pipeline files of a directory into exports that the
// engine can run, or into diagnostics that point at every mistake at once.
//
// Start with Load. Kinds is what the caller knows and this package does not:
// which kinds of credentials, sinks, formats and states there are, and how
// they are built. WriteDiagnostics shows what is wrong, Format rewrites a file
// in canonical layout.
//
// The package reads files and environment variables and nothing else: it never
// touches the network, writes nothing and prints nothing. Values that are
// sensitive carry a mark from where they enter (a variable that says so, an
// environment variable with a telling name) to the settings field of type
// secret.Text that takes them; anything else that would show them is an error.
package config
