// Package loganalytics reads Azure Monitor Log Analytics, and with it Microsoft
// Sentinel, by its query API.
//
// New makes a Source of a Config, a credential of package azauth and the
// process's Governors. A Source is a pipeline.Source, Prober, Clock and
// Checker; Query runs a text as it is.
//
// A read goes: rewrite.go puts the window into the author's text, request.go
// makes the request, governor.go says when it may be sent, client.go sends it
// and reads the answer, the decoder hands its rows on, classify.go says what
// an answer without rows means. An answer counts only when its body was read
// to the end, it holds no error and exactly one table, and its rows are as many
// as the service's own statistics say.
//
// No error holds a token, a literal that the query's author marked as
// obfuscated, or a shared access signature. The package starts no goroutines,
// reads no environment but the proxy's, and retries nothing but a request whose
// token was not accepted: the engine retries.
package loganalytics
